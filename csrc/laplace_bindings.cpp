// Binding of the Laplace approximation.
#include <nanobind/stl/optional.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include "laplace.hpp"
#include "laplace_bindings.hpp"
#include "laplace_draws.hpp"
#include "problem_bindings.hpp"
#include "response_bindings.hpp"

namespace ml {

namespace {

using FactorTuple = std::tuple<Input1<std::int32_t>, int, Input2<double>>;
using Given = std::optional<Input1<double>>;

std::vector<FactorRows> checked_factors(const std::vector<FactorTuple>& factors, std::size_t n) {
  std::vector<FactorRows> found;
  for (const auto& [level, m, Z] : factors) {
    require(level.size() == n && Z.shape(0) == n, "every factor needs a level and effects for each row");
    for (std::size_t i = 0; i < n; ++i) require(level.data()[i] >= 0 && level.data()[i] < m, "level outside its factor");
    found.push_back({m, static_cast<int>(Z.shape(1)), to_rows<std::int32_t>(level), to_rows<double>(Z)});
  }
  return found;
}

void construct(Laplace* self, int family, int link, bool inflated, int n_global, const Input1<double>& y,
               const Given& trials, const Given& frequency, const Given& offset, const Columns& X,
               const std::vector<FactorTuple>& factors, const std::vector<PairTuple>& pairs,
               const std::vector<EntryTuple>& entries, int max_core) {
  Response response = checked_response(family, link, inflated, n_global, y, trials, frequency);
  require(!offset || offset->size() == y.size(), "offset must have one number per row");
  require(X.shape(0) == y.size(), "X must have a row per response");
  std::vector<FactorRows> rows = checked_factors(factors, y.size());
  Moments sizes;
  for (const FactorRows& f : rows) {
    sizes.levels.push_back(f.m);
    sizes.effects.push_back(f.K);
  }
  std::vector<PairTable> tables;
  for (const PairTuple& t : pairs) tables.push_back(checked_pair(t, sizes));
  new (self) Laplace(std::move(response), offset ? to_rows<double>(*offset) : RowVector<double>(y.size(), 0.0),
                     to_rows<double>(X), static_cast<int>(X.shape(1)), std::move(rows),
                     checked_layout(sizes.effects, entries), tables, max_core);
}

template <class Values>
nb::object copied(const Values& values) { return to_numpy(std::vector<double>(values.begin(), values.end()), {values.size()}); }

nb::dict evaluate(Laplace& self, const Input1<double>& beta, const Input1<double>& theta, const Input1<double>& aux,
                  const Given& rows_aux, bool gradient) {
  require(beta.size() == static_cast<std::size_t>(self.p()), "beta has the wrong length");
  require(theta.size() == static_cast<std::size_t>(self.layout().n_theta), "theta has the wrong length");
  require(aux.size() == static_cast<std::size_t>(self.response().n_global), "aux has the wrong length");
  require(self.response().inflated == rows_aux.has_value(), "rows_aux is for zero inflation");
  require(!rows_aux || rows_aux->size() == static_cast<std::size_t>(self.n()), "rows_aux has the wrong length");
  double value = 0.0;
  {
    nb::gil_scoped_release release;
    value = self.evaluate(beta.data(), theta.data(), aux.data(), rows_aux ? rows_aux->data() : nullptr, gradient);
  }
  nb::dict out;
  out["value"] = value;
  out["inner_steps"] = self.inner_steps;
  if (!gradient || !std::isfinite(value)) return out;
  out["beta"] = copied(self.gradient_beta);
  out["theta"] = copied(self.gradient_theta);
  out["aux"] = copied(self.gradient_aux);
  out["rows_aux"] = copied(self.gradient_rows_aux);
  out["inner_gradient"] = self.inner_gradient;
  nb::list G;
  for (std::size_t f = 0; f < self.G.size(); ++f) {
    const std::size_t K = self.factors()[f].K;
    G.append(to_numpy(std::vector<double>(self.G[f]), {K, K}));
  }
  out["G"] = G;
  return out;
}

// X'V^-1 X at the last evaluation.
nb::object information(Laplace& self) {
  const std::size_t p = self.p();
  return to_numpy(self.fixed_information(), {p, p});
}

// By factor: modes m x K and conditional covariances m x K x K, at the last evaluation with a gradient.
nb::list effects(Laplace& self) {
  nb::list out;
  for (std::size_t f = 0; f < self.factors().size(); ++f) {
    const std::size_t m = self.factors()[f].m, K = self.factors()[f].K;
    out.append(nb::make_tuple(to_numpy(self.modes(static_cast<int>(f)), {m, K}),
                              to_numpy(self.covariances(static_cast<int>(f)), {m, K, K})));
  }
  return out;
}

// Values of many points, and where pairs > 0 log weights and, where kept, drawn effects.
nb::tuple points(const std::vector<Laplace*>& workers, const Input2<double>& beta, const Input2<double>& theta,
                 const Input2<double>& aux, const std::optional<Input2<double>>& rows_aux, const Input2<double>& start,
                 const Input1<std::int64_t>& streams, int pairs, std::uint64_t seed, bool keep) {
  require(!workers.empty() && pairs >= 0, "at least one worker, and no less than no pairs");
  const Laplace& one = *workers[0];
  const std::size_t n = beta.shape(0);
  require(theta.shape(0) == n && aux.shape(0) == n && streams.size() == n, "every point needs theta, aux and a stream");
  require(beta.shape(1) == static_cast<std::size_t>(one.p()), "beta has the wrong length");
  require(theta.shape(1) == static_cast<std::size_t>(one.layout().n_theta), "theta has the wrong length");
  require(aux.shape(1) == static_cast<std::size_t>(one.response().n_global), "aux has the wrong length");
  require(one.response().inflated == rows_aux.has_value(), "rows_aux is for zero inflation");
  require(!rows_aux || (rows_aux->shape(0) == n && rows_aux->shape(1) == static_cast<std::size_t>(one.n())),
          "rows_aux has the wrong shape");
  require(start.shape(0) == n && start.shape(1) == one.place().size(), "start has the wrong shape");
  const LaplacePoints given{n, beta.data(), theta.data(), aux.data(), rows_aux ? rows_aux->data() : nullptr,
                            start.data(), streams.data()};
  LaplaceDraws found;
  {
    nb::gil_scoped_release release;
    found = laplace_draws(workers, given, pairs, seed, keep);
  }
  const std::size_t drawn = found.log_weights.size(), kept = found.effects.empty() ? 0 : n;
  return nb::make_tuple(to_numpy(std::move(found.values), {n}), to_numpy(std::move(found.log_weights), {drawn}),
                        to_numpy(std::move(found.effects), {kept, one.place().size()}));
}

}  // namespace

void bind_laplace(nb::module_& m) {
  nb::class_<Laplace>(m, "Laplace")
      .def("__init__", &construct, nb::arg("family"), nb::arg("link"), nb::arg("inflated"), nb::arg("n_global"),
           nb::arg("y"), nb::arg("trials").none(), nb::arg("frequency").none(), nb::arg("offset").none(), nb::arg("X"),
           nb::arg("factors"), nb::arg("pairs"), nb::arg("entries"), nb::arg("max_core"))
      .def("evaluate", &evaluate, nb::arg("beta"), nb::arg("theta"), nb::arg("aux"), nb::arg("rows_aux").none(),
           nb::arg("gradient") = true)
      .def("information", &information)
      .def("effects", &effects)
      .def("eta", [](const Laplace& self) { return copied(self.eta()); })
      .def("weights", [](const Laplace& self) { return copied(self.weights()); })
      .def("place", [](const Laplace& self) { return copied(self.place()); })
      .def("forget", &Laplace::forget);
  m.def("laplace_points", &points, nb::arg("workers"), nb::arg("beta"), nb::arg("theta"), nb::arg("aux"),
        nb::arg("rows_aux").none(), nb::arg("start"), nb::arg("streams"), nb::arg("pairs"), nb::arg("seed"),
        nb::arg("keep"));
}

}  // namespace ml
