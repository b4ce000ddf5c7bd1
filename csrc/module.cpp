// Bindings of multilevel._core: arrays in, arrays out; bounds are checked here and nowhere below.
#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include "arrays.hpp"
#include "lapack.hpp"
#include "joint_bindings.hpp"
#include "laplace_bindings.hpp"
#include "metropolis_bindings.hpp"
#include "problem_bindings.hpp"
#include "quadrature_bindings.hpp"
#include "response_bindings.hpp"
#include "row_memory_bindings.hpp"
#include "schur_bindings.hpp"
#include "scatter.hpp"
#include "stream_bindings.hpp"
#include "varying_bindings.hpp"

namespace ml {

namespace {

void use_lapack(std::uintptr_t potrf, std::uintptr_t potri, std::uintptr_t trsm, std::uintptr_t symm) {
  lapack::table.potrf = reinterpret_cast<lapack::Potrf>(potrf);
  lapack::table.potri = reinterpret_cast<lapack::Potri>(potri);
  lapack::table.trsm = reinterpret_cast<lapack::Trsm>(trsm);
  lapack::table.symm = reinterpret_cast<lapack::Symm>(symm);
}

using Index = Input1<std::int32_t>;
using Vector = Input1<double>;

// The columns of X, then the response (already shifted and scaled).
std::vector<ColumnRef> fixed_columns(const Columns& X, const Vector& centre, const Vector& factor, const Vector& y) {
  const std::size_t n = X.shape(0), p = X.shape(1);
  require(centre.size() == p && factor.size() == p, "centre and factor must have one entry per column of X");
  require(y.size() == n, "y must have as many rows as X");
  std::vector<ColumnRef> out;
  for (std::size_t j = 0; j < p; ++j) out.push_back({X.data() + j * n, centre.data()[j], factor.data()[j]});
  out.push_back({y.data(), 0.0, 1.0});
  return out;
}

FactorRef factor_ref(const Index& index, int m, const Columns& Z, const Vector& centre, const Vector& factor) {
  const std::size_t n = Z.shape(0), k = Z.shape(1);
  require(index.size() == n, "index must have as many rows as Z");
  require(centre.size() == k && factor.size() == k, "centre and factor must have one entry per column of Z");
  bool inside = true;
  for (std::size_t i = 0; i < n; ++i) inside = inside && index.data()[i] >= 0 && index.data()[i] < m;
  require(inside, "a level number is outside its factor");
  FactorRef out{index.data(), m, {}};
  for (std::size_t j = 0; j < k; ++j) out.z.push_back({Z.data() + j * n, centre.data()[j], factor.data()[j]});
  return out;
}

using FactorTuple = std::tuple<Index, int, Columns, Vector, Vector>;

std::vector<FactorRef> factor_refs(const std::vector<FactorTuple>& factors, std::size_t n) {
  std::vector<FactorRef> out;
  for (const auto& [index, m, Z, centre, factor] : factors) {
    require(Z.shape(0) == n, "Z must have as many rows as X");
    out.push_back(factor_ref(index, m, Z, centre, factor));
  }
  return out;
}

const double* root_of(const std::optional<Vector>& root, std::size_t n) {
  if (!root) return nullptr;
  require(root->size() == n, "weights must have as many rows as X");
  return root->data();
}

nb::tuple scatter_all(const std::vector<FactorTuple>& factors, const Columns& X, const Vector& centre, const Vector& factor,
                      const Vector& y, const std::optional<Vector>& root, int threads) {
  const auto xy = fixed_columns(X, centre, factor, y);
  const auto refs = factor_refs(factors, X.shape(0));
  const double* w = root_of(root, X.shape(0));
  CrossProducts out;
  {
    nb::gil_scoped_release release;
    out = cross_products(static_cast<std::int64_t>(X.shape(0)), refs, xy, w, threads);
  }
  const std::size_t r = xy.size();
  nb::list A, C;
  for (std::size_t f = 0; f < refs.size(); ++f) {
    const std::size_t k = refs[f].z.size(), m = refs[f].m;
    A.append(to_numpy(std::move(out.A[f]), {m, k, k}));
    C.append(to_numpy(std::move(out.C[f]), {m, k, r}));
  }
  return nb::make_tuple(A, C, to_numpy(std::move(out.D), {r, r}));
}

nb::tuple scatter_response(const std::vector<FactorTuple>& factors, const Columns& X, const Vector& centre,
                           const Vector& factor, const Vector& y, const std::optional<Vector>& root) {
  const auto xy = fixed_columns(X, centre, factor, y);
  const auto refs = factor_refs(factors, X.shape(0));
  const double* w = root_of(root, X.shape(0));
  std::vector<std::vector<double>> c;
  std::vector<double> d;
  {
    nb::gil_scoped_release release;
    response_products(static_cast<std::int64_t>(X.shape(0)), refs, xy, w, c, d);
  }
  nb::list out;
  for (std::size_t f = 0; f < refs.size(); ++f)
    out.append(to_numpy(std::move(c[f]), {static_cast<std::size_t>(refs[f].m), refs[f].z.size()}));
  return nb::make_tuple(out, to_numpy(std::move(d), {xy.size()}));
}

nb::tuple scatter_pairs(const FactorTuple& f, const FactorTuple& g, const std::optional<Vector>& root) {
  const std::size_t n = std::get<2>(f).shape(0);
  const auto refs = factor_refs({f, g}, n);
  const double* w = root_of(root, n);
  std::vector<std::int64_t> start;
  std::vector<std::int32_t> index;
  std::vector<double> value;
  {
    nb::gil_scoped_release release;
    pair_table(static_cast<std::int64_t>(n), refs[0], refs[1], w, start, index, value);
  }
  const std::size_t nnz = index.size(), rows = start.size();
  return nb::make_tuple(to_numpy(std::move(start), {rows}), to_numpy(std::move(index), {nnz}),
                        to_numpy(std::move(value), {nnz, refs[0].z.size(), refs[1].z.size()}));
}

nb::tuple moments_of_columns(const Columns& X) {
  const std::size_t n = X.shape(0), p = X.shape(1);
  require(n > 0, "no rows");
  std::vector<const double*> columns;
  for (std::size_t j = 0; j < p; ++j) columns.push_back(X.data() + j * n);
  std::vector<double> mean(p), deviation(p);
  {
    nb::gil_scoped_release release;
    column_moments(static_cast<std::int64_t>(n), columns, mean.data(), deviation.data());
  }
  return nb::make_tuple(to_numpy(std::move(mean), {p}), to_numpy(std::move(deviation), {p}));
}

}  // namespace

}  // namespace ml

NB_MODULE(_core, m) {
  m.doc() = "Native kernels of multilevel: arrays in, arrays out.";
  m.def("use_lapack", &ml::use_lapack);
  m.def("cross_products", &ml::scatter_all, nanobind::arg("factors"), nanobind::arg("X"), nanobind::arg("centre"),
        nanobind::arg("factor"), nanobind::arg("y"), nanobind::arg("root").none(), nanobind::arg("threads"));
  m.def("response_products", &ml::scatter_response, nanobind::arg("factors"), nanobind::arg("X"), nanobind::arg("centre"),
        nanobind::arg("factor"), nanobind::arg("y"), nanobind::arg("root").none());
  m.def("pair_table", &ml::scatter_pairs, nanobind::arg("f"), nanobind::arg("g"), nanobind::arg("root").none());
  m.def("column_moments", &ml::moments_of_columns, nanobind::arg("X"));
  ml::bind_problem(m);
  ml::bind_laplace(m);
  ml::bind_joint(m);
  ml::bind_metropolis(m);
  ml::bind_quadrature(m);
  ml::bind_response(m);
  ml::bind_row_memory(m);
  ml::bind_schur(m);
  ml::bind_stream(m);
  ml::bind_varying(m);
}
