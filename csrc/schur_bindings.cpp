// Binding of the Schur complement of crossed factors: vectors are (effects, s) arrays, row by row.
#include "schur_bindings.hpp"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <memory>

#include "arrays.hpp"
#include "problem_bindings.hpp"
#include "schur.hpp"

namespace ml {

namespace {

using Vectors = Input2<double>;

void construct(SchurSystem* self, const std::vector<Input<double>>& A, const std::vector<PairTuple>& pairs,
               const std::vector<int>& chain, int threads) {
  std::vector<int> levels, effects;
  std::vector<std::vector<double>> blocks;
  for (const auto& a : A) {
    require(a.ndim() == 3 && a.shape(1) == a.shape(2), "A must be m x K x K");
    levels.push_back(static_cast<int>(a.shape(0)));
    effects.push_back(static_cast<int>(a.shape(1)));
    blocks.push_back(to_vector<double>(a));
  }
  require(!chain.empty(), "a chain has at least one factor");
  require(threads > 0, "threads must be positive");
  const std::size_t F = A.size();
  require(pairs.size() == F * (F - 1) / 2, "one table for each pair of factors");
  std::vector<SchurSystem::Pairs> tables;
  for (const PairTuple& t : pairs) {
    const auto& [f, g, start, index, value] = t;
    require(f >= 0 && f < g && g < static_cast<int>(F), "pairs must name two factors in order");
    require(start.size() == static_cast<std::size_t>(levels[f]) + 1, "pair table: wrong number of levels");
    require(start.data()[0] == 0 && start.data()[start.size() - 1] == static_cast<std::int64_t>(index.size()),
            "pair table: starts do not fit");
    for (std::size_t i = 1; i < start.size(); ++i)
      require(start.data()[i] >= start.data()[i - 1], "pair table: starts must not fall");
    for (std::size_t i = 0; i < index.size(); ++i)
      require(index.data()[i] >= 0 && index.data()[i] < levels[g], "pair table: level outside its factor");
    require(value.size() == index.size() * effects[f] * effects[g], "pair table: wrong number of values");
    tables.push_back({f, g, to_vector<std::int64_t>(start), to_vector<std::int32_t>(index), value.data()});
  }
  nb::gil_scoped_release release;
  new (self) SchurSystem(std::move(levels), std::move(effects), std::move(blocks), std::move(tables), chain, threads);
}

void set_lambda(SchurSystem& self, const std::vector<Input2<double>>& lambda) {
  require(static_cast<int>(lambda.size()) == self.n_factors(), "one root for each factor");
  std::vector<std::vector<double>> roots;
  for (int f = 0; f < self.n_factors(); ++f) {
    const std::size_t k = self.k(f);
    require(lambda[f].shape(0) == k && lambda[f].shape(1) == k, "a root must be K x K");
    roots.push_back(to_vector<double>(lambda[f]));
  }
  bool defined = false;
  {
    nb::gil_scoped_release release;
    defined = self.set_lambda(roots);
  }
  if (!defined) throw std::domain_error("the system is not positive definite at these roots");
}

// Runs work(s, out) for an output of so many rows.
template <class Work>
nb::object filled(std::int64_t rows, std::size_t s, const Work& work) {
  std::vector<double> out(static_cast<std::size_t>(rows) * s);
  {
    nb::gil_scoped_release release;
    work(static_cast<int>(s), out.data());
  }
  return to_numpy(std::move(out), {static_cast<std::size_t>(rows), s});
}

void check(const SchurSystem& self, const Vectors& v, bool core) {
  require(static_cast<std::int64_t>(v.shape(0)) == (core ? self.core() : self.total()), "a row for each effect");
}

nb::object reduce(const SchurSystem& self, const Vectors& c) {
  check(self, c, false);
  return filled(self.core(), c.shape(1), [&](int s, double* out) { self.reduce(c.data(), s, out); });
}

nb::object back(const SchurSystem& self, const Vectors& c, const Vectors& x) {
  check(self, c, false);
  check(self, x, true);
  require(c.shape(1) == x.shape(1), "as many columns of c as of x");
  return filled(self.total(), c.shape(1), [&](int s, double* out) { self.back(c.data(), x.data(), s, out); });
}

nb::object chain_part(const SchurSystem& self, const Vectors& x) {
  check(self, x, true);
  return filled(self.chain().size(), x.shape(1), [&](int s, double* out) { self.chain_part(x.data(), s, out); });
}

nb::object times(const SchurSystem& self, const Vectors& x) {
  check(self, x, true);
  return filled(self.core(), x.shape(1), [&](int s, double* out) { self.multiply(x.data(), s, out); });
}

nb::object cross(const SchurSystem& self, const Vectors& v) {
  check(self, v, false);
  return filled(self.total(), v.shape(1), [&](int s, double* out) { self.cross(v.data(), s, out); });
}

nb::object root_of_blocks(const SchurSystem& self, const Vectors& x) {
  check(self, x, true);
  return filled(self.core(), x.shape(1), [&](int s, double* out) {
    std::copy(x.data(), x.data() + x.size(), out);
    self.root_of_blocks(out, s);
  });
}

nb::dict solve(const SchurSystem& self, const Vectors& b, const std::optional<Vectors>& x0, double tolerance, int limit,
               bool coefficients) {
  check(self, b, true);
  if (x0) require(x0->shape(0) == b.shape(0) && x0->shape(1) == b.shape(1), "x0 must have the shape of b");
  SchurSolution found;
  const std::size_t s = b.shape(1), n = b.shape(0);
  {
    nb::gil_scoped_release release;
    found = self.solve(b.data(), x0 ? x0->data() : nullptr, static_cast<int>(s), tolerance, limit, coefficients);
  }
  nb::dict out;
  const std::size_t steps = s == 0 ? 0 : found.alpha.size() / s;
  out["x"] = to_numpy(std::move(found.x), {n, s});
  out["residual"] = to_numpy(std::move(found.residual), {n, s});
  out["iterations"] = to_numpy(std::vector<std::int32_t>(found.iterations.begin(), found.iterations.end()), {s});
  out["relative"] = to_numpy(std::move(found.relative), {s});
  out["alpha"] = to_numpy(std::move(found.alpha), {steps, s});
  out["beta"] = to_numpy(std::move(found.beta), {steps, s});
  return out;
}

nb::list by_member(const SchurSystem& self, std::vector<std::vector<double>>&& blocks, bool levels) {
  nb::list out;
  for (int a = 0; a < self.chain().depth(); ++a) {
    const Chain::Member& member = self.chain().members()[a];
    const std::size_t k = member.k, m = member.m;
    if (levels)
      out.append(to_numpy(std::move(blocks[a]), {m, k, k}));
    else
      out.append(to_numpy(std::move(blocks[a]), {k, k}));
  }
  return out;
}

nb::list block_roots(const SchurSystem& self) {
  nb::list out;
  auto at = self.block_roots().begin();
  for (int f : self.core_factors()) {
    const std::size_t k = self.k(f), m = self.levels()[f];
    std::vector<double> L(at, at + static_cast<std::ptrdiff_t>(m * k * k));
    at += static_cast<std::ptrdiff_t>(m * k * k);
    for (std::size_t i = 0; i < m; ++i)
      for (std::size_t e = 0; e < k; ++e) std::fill(L.begin() + (i * k + e) * k + e + 1, L.begin() + (i * k + e + 1) * k, 0.0);
    out.append(to_numpy(std::move(L), {m, k, k}));
  }
  return out;
}

}  // namespace

void bind_schur(nb::module_& m) {
  nb::class_<SchurSystem>(m, "SchurSystem")
      .def("__init__", &construct, nb::arg("A"), nb::arg("pairs"), nb::arg("chain"), nb::arg("threads"))
      .def_prop_ro("total", &SchurSystem::total)
      .def_prop_ro("core", &SchurSystem::core)
      .def_prop_ro("log_det_chain", &SchurSystem::log_det_chain)
      .def_prop_ro("log_det_blocks", &SchurSystem::log_det_blocks)
      .def("set_lambda", &set_lambda, nb::arg("roots"))
      .def("reduce", &reduce, nb::arg("c"))
      .def("back", &back, nb::arg("c"), nb::arg("x"))
      .def("chain_part", &chain_part, nb::arg("x"))
      .def("multiply", &times, nb::arg("x"))
      .def("cross", &cross, nb::arg("v"))
      .def("root_of_blocks", &root_of_blocks, nb::arg("x"))
      .def("squared_couplings", &SchurSystem::squared_couplings, nb::arg("most_work"),
           nb::call_guard<nb::gil_scoped_release>())
      .def("block_roots", &block_roots)
      .def("chain_information", [](const SchurSystem& self) { return by_member(self, self.chain().information(), false); })
      .def("chain_inverse", [](const SchurSystem& self) { return by_member(self, self.chain().inverse_blocks(), true); })
      .def("solve", &solve, nb::arg("b"), nb::arg("x0").none(), nb::arg("tolerance"), nb::arg("limit"),
           nb::arg("coefficients") = false);
}

}  // namespace ml
