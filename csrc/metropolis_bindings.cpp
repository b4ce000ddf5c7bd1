// Binding of the Metropolis steps of group effects.
#include "metropolis_bindings.hpp"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include "metropolis.hpp"
#include "response_bindings.hpp"

namespace ml {

namespace {

using FactorTuple = std::tuple<Input1<std::int32_t>, int, Input2<double>>;
using Given = std::optional<Input1<double>>;

void construct(Metropolis* self, int family, int link, bool inflated, int n_global, const Input1<double>& y,
               const Given& trials, const Given& frequency, const std::vector<FactorTuple>& factors) {
  Response response = checked_response(family, link, inflated, n_global, y, trials, frequency);
  std::vector<FactorRows> found;
  for (const auto& [level, m, Z] : factors) {
    require(level.size() == y.size() && Z.shape(0) == y.size(), "every factor needs a level and effects for each row");
    for (std::size_t i = 0; i < level.size(); ++i)
      require(level.data()[i] >= 0 && level.data()[i] < m, "level outside its factor");
    found.push_back({m, static_cast<int>(Z.shape(1)), to_rows<std::int32_t>(level), to_rows<double>(Z)});
  }
  new (self) Metropolis(std::move(response), std::move(found));
}

const double* check_point(const Metropolis& self, const Input1<double>& aux, const Given& rows_aux,
                          const Input1<double>& eta) {
  const std::size_t n = static_cast<std::size_t>(self.n());
  require(aux.size() == static_cast<std::size_t>(self.response().n_global), "aux has the wrong length");
  require(self.response().inflated == rows_aux.has_value(), "rows_aux is for zero inflation");
  require(!rows_aux || rows_aux->size() == n, "rows_aux has the wrong length");
  require(eta.size() == n, "eta has the wrong length");
  return rows_aux ? rows_aux->data() : nullptr;
}

double density(const Metropolis& self, const Input1<double>& aux, const Given& rows_aux, const Input1<double>& eta) {
  const double* by_row = check_point(self, aux, rows_aux, eta);
  nb::gil_scoped_release release;
  return log_density(self.response(), aux.data(), by_row, eta.data(), 0, self.n());
}

nb::tuple derivatives(const Metropolis& self, const Input1<double>& aux, const Given& rows_aux,
                      const Input1<double>& eta) {
  const double* by_row = check_point(self, aux, rows_aux, eta);
  const std::size_t n = static_cast<std::size_t>(self.n());
  std::vector<double> d1(n), d2(n);
  double value = 0.0;
  {
    nb::gil_scoped_release release;
    value = two_derivatives(self.response(), aux.data(), by_row, eta.data(), 0, self.n(), d1.data(), d2.data());
  }
  return nb::make_tuple(value, to_numpy(std::move(d1), {n}), to_numpy(std::move(d2), {n}));
}

nb::object predictor(const Metropolis& self, const Input1<double>& fixed, const std::vector<Input2<double>>& effects) {
  const std::size_t n = static_cast<std::size_t>(self.n());
  require(fixed.size() == n, "the fixed part has the wrong length");
  require(effects.size() == self.factors().size(), "effects are needed for every factor");
  std::vector<const double*> places;
  for (std::size_t f = 0; f < effects.size(); ++f) {
    const FactorRows& rows = self.factors()[f];
    require(effects[f].shape(0) == static_cast<std::size_t>(rows.m) &&
                effects[f].shape(1) == static_cast<std::size_t>(rows.K),
            "effects have the wrong shape");
    places.push_back(effects[f].data());
  }
  std::vector<double> eta = to_vector<double>(fixed);
  {
    nb::gil_scoped_release release;
    self.add_effects(places, eta.data());
  }
  return to_numpy(std::move(eta), {n});
}

nb::tuple step(Metropolis& self, int f, const Input2<double>& root, const Input1<double>& aux, const Given& rows_aux,
               const Input1<double>& eta, const Input2<double>& b, const Input2<double>& noise,
               const Input1<double>& log_uniform, double pull, double spread) {
  const double* by_row = check_point(self, aux, rows_aux, eta);
  require(f >= 0 && f < static_cast<int>(self.factors().size()), "there is no such factor");
  const std::size_t m = self.factors()[f].m, K = self.factors()[f].K, n = eta.size();
  require(root.shape(0) == K && root.shape(1) == K, "root has the wrong shape");
  for (std::size_t a = 0; a < K; ++a) require(root.data()[a * K + a] > 0.0, "root needs a positive diagonal");
  require(b.shape(0) == m && b.shape(1) == K && noise.shape(0) == m && noise.shape(1) == K, "effects have the wrong shape");
  require(log_uniform.size() == m, "log_uniform needs a number for each level");
  require(spread > 0.0, "spread must be positive");
  std::vector<double> effects = to_vector<double>(b), moved = to_vector<double>(eta);
  StepCounts counts;
  {
    nb::gil_scoped_release release;
    counts = self.step(f, root.data(), aux.data(), by_row, noise.data(), log_uniform.data(), {pull, spread},
                       effects.data(), moved.data());
  }
  return nb::make_tuple(to_numpy(std::move(effects), {m, K}), to_numpy(std::move(moved), {n}), counts.accepted,
                        counts.impossible);
}

}  // namespace

void bind_metropolis(nb::module_& m) {
  nb::class_<Metropolis>(m, "Metropolis")
      .def("__init__", &construct, nb::arg("family"), nb::arg("link"), nb::arg("inflated"), nb::arg("n_global"),
           nb::arg("y"), nb::arg("trials").none(), nb::arg("frequency").none(), nb::arg("factors"))
      .def("log_density", &density, nb::arg("aux"), nb::arg("rows_aux").none(), nb::arg("eta"))
      .def("derivatives", &derivatives, nb::arg("aux"), nb::arg("rows_aux").none(), nb::arg("eta"))
      .def("predictor", &predictor, nb::arg("fixed"), nb::arg("effects"))
      .def("step", &step, nb::arg("f"), nb::arg("root"), nb::arg("aux"), nb::arg("rows_aux").none(), nb::arg("eta"),
           nb::arg("b"), nb::arg("noise"), nb::arg("log_uniform"), nb::arg("pull"), nb::arg("spread"));
}

}  // namespace ml
