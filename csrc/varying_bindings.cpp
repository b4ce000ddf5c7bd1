// Binding of groups with residual sds of their own: many points at once, shared out among threads.
#include "varying_bindings.hpp"

#include "arrays.hpp"
#include "threads.hpp"
#include "varying.hpp"

namespace ml {

namespace {

using Inputs = Input<double>;

void construct(VaryingGroups* self, int effects, bool log_normal, const Inputs& R, const Input1<double>& rows) {
  require(R.ndim() == 3 && R.shape(1) == R.shape(2) && R.shape(0) == rows.size(), "R must be m x w x w, rows (m,)");
  require(effects >= 0 && static_cast<std::size_t>(effects) < R.shape(1), "R must be as wide as Z, X and y together");
  for (std::size_t j = 0; j < rows.size(); ++j) require(rows.data()[j] >= 0.0, "rows must not be negative");
  const int p = static_cast<int>(R.shape(1)) - effects - 1;
  new (self) VaryingGroups(effects, p, log_normal ? ResidualLaw::log_normal : ResidualLaw::inverse_gamma,
                           to_vector<double>(R), to_vector<double>(rows));
}

// Points side by side: Lambda (n, K, K), gamma (n, p), law (n, 2).
struct Points {
  const double *Lambda, *gamma, *law;
  std::size_t n, K, p;

  Points(const VaryingGroups& groups, const Inputs& L, const Input2<double>& g, const Input2<double>& h)
      : Lambda(L.data()), gamma(g.data()), law(h.data()), n(g.shape(0)), K(groups.K()), p(groups.p()) {
    require(L.ndim() == 3 && L.shape(0) == n && L.shape(1) == K && L.shape(2) == K, "Lambda must be n x K x K");
    require(g.shape(1) == p, "gamma must be n x p");
    require(h.shape(0) == n && h.shape(1) == 2, "law must be n x 2");
  }

  VaryingPoint operator[](std::size_t i) const {
    return {Lambda + i * K * K, gamma + i * p, law[2 * i], law[2 * i + 1]};
  }
};

template <class Work>
void at_points(std::size_t n, int threads, const Work& work) {
  require(threads >= 1, "threads must be 1 or more");
  nb::gil_scoped_release release;
  std::vector<VaryingWorkspace> spaces(threads);
  on_threads(static_cast<std::int64_t>(n), threads,
             [&](std::int64_t i, int worker) { work(static_cast<std::size_t>(i), spaces[worker]); });
}

nb::object values(const VaryingGroups& self, const Inputs& Lambda, const Input2<double>& gamma,
                  const Input2<double>& law, int threads) {
  const Points points(self, Lambda, gamma, law);
  std::vector<double> out(points.n);
  at_points(points.n, threads, [&](std::size_t i, VaryingWorkspace& work) { out[i] = self.value(points[i], work); });
  return to_numpy(std::move(out), {points.n});
}

nb::tuple gradients(const VaryingGroups& self, const Inputs& Lambda, const Input2<double>& gamma,
                    const Input2<double>& law, int threads) {
  const Points points(self, Lambda, gamma, law);
  const std::size_t n = points.n, K = points.K, p = points.p;
  std::vector<double> out(n), by_D(n * K * K), by_gamma(n * p), by_law(n * 2);
  at_points(n, threads, [&](std::size_t i, VaryingWorkspace& work) {
    out[i] = self.gradient(points[i], work, by_D.data() + i * K * K, by_gamma.data() + i * p, by_law.data() + i * 2);
  });
  return nb::make_tuple(to_numpy(std::move(out), {n}), to_numpy(std::move(by_D), {n, K, K}),
                        to_numpy(std::move(by_gamma), {n, p}), to_numpy(std::move(by_law), {n, 2}));
}

nb::tuple draws(const VaryingGroups& self, const Inputs& Lambda, const Input2<double>& gamma, const Input2<double>& law,
                std::uint64_t seed, std::uint64_t first, int threads) {
  const Points points(self, Lambda, gamma, law);
  const std::size_t n = points.n, K = points.K, m = self.m();
  std::vector<double> sds(n * m), effects(n * m * K);
  std::vector<char> drawn(n);
  at_points(n, threads, [&](std::size_t i, VaryingWorkspace& work) {
    Random random(seed, first + i);
    drawn[i] = self.draw(points[i], random, work, sds.data() + i * m, effects.data() + i * m * K);
  });
  for (char ok : drawn)
    if (!ok) throw std::domain_error("the density is not defined at one of these points");
  return nb::make_tuple(to_numpy(std::move(sds), {n, m}), to_numpy(std::move(effects), {n, m, K}));
}

}  // namespace

void bind_varying(nb::module_& m) {
  nb::class_<VaryingGroups>(m, "VaryingGroups")
      .def("__init__", &construct, nb::arg("effects"), nb::arg("log_normal"), nb::arg("R"), nb::arg("rows"))
      .def("values", &values, nb::arg("Lambda"), nb::arg("gamma"), nb::arg("law"), nb::arg("threads") = 1)
      .def("gradients", &gradients, nb::arg("Lambda"), nb::arg("gamma"), nb::arg("law"), nb::arg("threads") = 1)
      .def("draws", &draws, nb::arg("Lambda"), nb::arg("gamma"), nb::arg("law"), nb::arg("seed"), nb::arg("first"),
           nb::arg("threads") = 1);
}

}  // namespace ml
