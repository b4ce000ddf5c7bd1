// Binding of the estimation problem: optimise, evaluate, and everything that is asked of an optimum.
#include "problem_bindings.hpp"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include "arrays.hpp"
#include "problem.hpp"
#include "start.hpp"

namespace ml {

PairTable checked_pair(const PairTuple& t, const Moments& mo) {
  const auto& [f, g, start, index, value] = t;
  const int F = static_cast<int>(mo.levels.size());
  require(f >= 0 && f < g && g < F, "pairs must name two factors in order");
  require(start.size() == static_cast<std::size_t>(mo.levels[f]) + 1, "pair table: wrong number of levels");
  require(start.data()[0] == 0 && start.data()[start.size() - 1] == static_cast<std::int64_t>(index.size()),
          "pair table: starts do not fit");
  for (std::size_t i = 1; i < start.size(); ++i)
    require(start.data()[i] >= start.data()[i - 1], "pair table: starts must not fall");
  for (std::size_t i = 0; i < index.size(); ++i)
    require(index.data()[i] >= 0 && index.data()[i] < mo.levels[g], "pair table: level outside its factor");
  require(value.size() == index.size() * mo.effects[f] * mo.effects[g], "pair table: wrong number of values");
  return {f, g, to_vector<std::int64_t>(start), to_vector<std::int32_t>(index), to_vector<double>(value)};
}

Layout checked_layout(const std::vector<int>& effects, const std::vector<EntryTuple>& entries) {
  Layout layout;
  layout.effects = effects;
  for (const auto& [theta, f, row, col] : entries) {
    require(theta >= 0 && theta < static_cast<int>(entries.size()), "thetas must be numbered from 0 without gaps");
    layout.n_theta = std::max(layout.n_theta, theta + 1);
    layout.par.push_back(theta);
    layout.fac.push_back(f);
    layout.row.push_back(row);
    layout.col.push_back(col);
  }
  return layout;
}

namespace {

using BlockTuple = std::tuple<int, int, int, int>;  // factor, start, size, kind

Moments checked_moments(int p, const std::vector<Input<double>>& A, const std::vector<Input<double>>& C,
                        const Input2<double>& D, const std::vector<PairTuple>& pairs) {
  Moments mo;
  mo.p = p;
  const std::size_t r = static_cast<std::size_t>(p) + 1;
  require(A.size() == C.size(), "A and C must have one array per factor");
  require(D.shape(0) == r && D.shape(1) == r, "D must be (p+1) x (p+1)");
  for (std::size_t f = 0; f < A.size(); ++f) {
    require(A[f].ndim() == 3 && A[f].shape(1) == A[f].shape(2), "A must be m x K x K");
    require(C[f].ndim() == 3 && C[f].shape(0) == A[f].shape(0) && C[f].shape(1) == A[f].shape(1) && C[f].shape(2) == r,
            "C must be m x K x (p+1)");
    mo.levels.push_back(static_cast<int>(A[f].shape(0)));
    mo.effects.push_back(static_cast<int>(A[f].shape(1)));
    mo.A.push_back(to_vector<double>(A[f]));
    mo.C.push_back(to_vector<double>(C[f]));
  }
  mo.D = to_vector<double>(D);
  for (const PairTuple& t : pairs) mo.pairs.push_back(checked_pair(t, mo));
  return mo;
}

void construct(Problem* self, int p, const std::vector<Input<double>>& A, const std::vector<Input<double>>& C,
               const Input2<double>& D, const std::vector<PairTuple>& pairs, const std::vector<EntryTuple>& entries,
               const std::vector<BlockTuple>& blocks, bool reml, double n, double known_sigma,
               int max_core) {
  Moments mo = checked_moments(p, A, C, D, pairs);
  Layout layout = checked_layout(mo.effects, entries);
  std::vector<Block> list;
  for (const auto& [f, start, size, kind] : blocks) {
    require(f >= 0 && f < layout.n_factors() && start >= 0 && size > 0 && start + size <= layout.effects[f],
            "a block is outside its factor");
    require(kind >= 0 && kind <= 2, "unknown kind of block");
    list.push_back({f, start, size, static_cast<Kind>(kind)});
  }
  new (self) Problem(std::move(mo), std::move(layout), std::move(list), Criterion{reml, n, known_sigma}, max_core);
}

void check_theta(const Problem& problem, const Input1<double>& theta) {
  require(theta.size() == static_cast<std::size_t>(problem.layout.n_theta), "theta has the wrong length");
}

// What every consumer of a point needs: criterion, derivatives and the fixed part.
nb::dict describe(const Profile& profile, double value, std::vector<double> gradient, std::vector<double> hessian) {
  const std::size_t T = profile.layout.n_theta, p = profile.fixed.p;
  nb::dict out;
  out["value"] = value;
  out["gradient"] = to_numpy(std::move(gradient), {T});
  out["hessian"] = to_numpy(std::move(hessian), {T, T});
  out["q"] = to_numpy(std::vector<double>(profile.q.empty() ? std::vector<double>(T, 0.0) : profile.q), {T});
  out["beta"] = to_numpy(std::vector<double>(profile.fixed.beta), {p});
  out["R"] = to_numpy(std::vector<double>(profile.fixed.R), {p, p});
  out["r2"] = profile.fixed.r2;
  out["saturated"] = profile.saturated();
  return out;
}

nb::dict evaluate(Problem& self, const Input1<double>& theta, bool general) {
  check_theta(self, theta);
  std::vector<double> gradient, hessian;
  double value = 0.0;
  Profile* profile = nullptr;
  {
    nb::gil_scoped_release release;
    profile = general ? &self.general() : &self.objective();
    value = profile->value(theta.data());
    if (std::isfinite(value)) profile->derivatives(gradient, hessian);
  }
  if (!std::isfinite(value)) throw std::domain_error("the criterion is not defined at this theta");
  return describe(*profile, value, std::move(gradient), std::move(hessian));
}

double value_at(Problem& self, const Input1<double>& theta) {
  check_theta(self, theta);
  nb::gil_scoped_release release;
  return self.objective().value(theta.data());
}

nb::dict optimise_problem(Problem& self, const Input1<double>& start, double tolerance, double dual_tolerance,
                          int max_evaluations, const nb::object& watch) {
  check_theta(self, start);
  Options options{tolerance, dual_tolerance, max_evaluations};
  Watch call = [&](int evaluations, double value, double decrement) {
    nb::gil_scoped_acquire acquire;
    if (PyErr_CheckSignals() != 0) throw nb::python_error();
    return watch.is_none() || nb::cast<bool>(watch(evaluations, value, decrement));
  };
  Outcome outcome;
  {
    nb::gil_scoped_release release;
    outcome = optimise(self.objective(), self.blocks, to_vector<double>(start), options, call);
  }
  const std::size_t T = self.layout.n_theta, B = outcome.block_dual.size(), steps = outcome.trace.size();
  nb::dict out;
  if (outcome.end == End::undefined) {
    out["end"] = static_cast<int>(outcome.end);
    return out;
  }
  out = describe(self.objective(), outcome.value, std::move(outcome.gradient), std::move(outcome.hessian));
  out["saturated"] = outcome.saturated;
  out["end"] = static_cast<int>(outcome.end);
  out["theta"] = to_numpy(std::move(outcome.theta), {T});
  out["decrement"] = outcome.decrement;
  out["dual"] = outcome.dual;
  out["gain"] = outcome.gain;
  out["complementarity"] = outcome.complementarity;
  out["block_dual"] = to_numpy(std::move(outcome.block_dual), {B});
  out["evaluations"] = outcome.evaluations;
  std::vector<double> trace;
  for (const Step& s : outcome.trace) trace.insert(trace.end(), {s.value, s.decrement, s.length});
  out["trace"] = to_numpy(std::move(trace), {steps, 3});
  return out;
}

nb::object start_of(Problem& self) {
  std::vector<double> theta =
      moment_start(self.moments, self.layout, self.blocks, self.criterion.n, self.criterion.known_sigma);
  return to_numpy(std::move(theta), {static_cast<std::size_t>(self.layout.n_theta)});
}

// By factor: B (m x K x r), H (m x K x r), conditional covariances (m x K x K), information E (m x K x K).
nb::list posterior(Problem& self, const Input1<double>& theta) {
  check_theta(self, theta);
  Elimination& e = self.general();
  bool defined = false;
  {
    nb::gil_scoped_release release;
    defined = std::isfinite(e.value(theta.data()));
  }
  if (!defined) throw std::domain_error("the criterion is not defined at this theta");
  {
    nb::gil_scoped_release release;
    e.solve_fixed();
    e.invert_selected();
  }
  nb::list out;
  const std::size_t r = e.n_columns();
  for (int f = 0; f < self.layout.n_factors(); ++f) {
    const std::size_t m = self.moments.levels[f], k = self.layout.effects[f];
    auto gather = [&](const std::vector<double>& v, auto offset, std::size_t size) {
      std::vector<double> cut;
      cut.reserve(m * size);
      for (std::size_t l = 0; l < m; ++l) {
        const auto at = v.begin() + offset(e.node(f, static_cast<int>(l)));
        cut.insert(cut.end(), at, at + static_cast<std::ptrdiff_t>(size));
      }
      return cut;
    };
    auto c = [&](int node) { return e.c_offset(node); };
    auto a = [&](int node) { return e.a_offset(node); };
    out.append(nb::make_tuple(to_numpy(gather(e.B(), c, k * r), {m, k, r}), to_numpy(gather(e.H(), c, k * r), {m, k, r}),
                              to_numpy(gather(e.node_covariances(), a, k * k), {m, k, k}),
                              to_numpy(gather(e.information(), a, k * k), {m, k, k})));
  }
  return out;
}

// z_i' Cov(b | y) z_i / sigma^2 of each row; call posterior() first. level: n x F (-1: left out), Z: n x sum K.
nb::object row_variance(Problem& self, const Input2<std::int32_t>& level, const Input2<double>& Z) {
  const int F = self.layout.n_factors();
  const std::size_t n = level.shape(0);
  std::size_t width = 0;
  for (int k : self.layout.effects) width += k;
  require(level.shape(1) == static_cast<std::size_t>(F) && Z.shape(0) == n && Z.shape(1) == width, "shapes do not fit");
  for (std::size_t i = 0; i < n; ++i)
    for (int f = 0; f < F; ++f) require(level.data()[i * F + f] < self.moments.levels[f], "level outside its factor");
  Elimination& e = self.general();
  require(!e.node_covariances().empty() || F == 0, "posterior() comes first");
  std::vector<double> out(n, 0.0);
  {
    nb::gil_scoped_release release;
    std::vector<double> block;
    for (std::size_t i = 0; i < n; ++i) {
      std::size_t zf = 0;
      for (int f = 0; f < F; zf += self.layout.effects[f], ++f) {
        if (level.data()[i * F + f] < 0) continue;
        std::size_t zg = zf;
        for (int g = f; g < F; zg += self.layout.effects[g], ++g) {
          if (level.data()[i * F + g] < 0) continue;
          const int kf = self.layout.effects[f], kg = self.layout.effects[g];
          block.resize(static_cast<std::size_t>(kf) * kg);
          e.covariance_between(e.node(f, level.data()[i * F + f]), e.node(g, level.data()[i * F + g]), block.data());
          for (int a = 0; a < kf; ++a)
            for (int b = 0; b < kg; ++b)
              out[i] += (f == g ? 1.0 : 2.0) * Z.data()[i * width + zf + a] * block[a * kg + b] * Z.data()[i * width + zg + b];
        }
      }
    }
  }
  return to_numpy(std::move(out), {n});
}

// w'Z'V^-1 Z w for level-space columns w (by factor and level, total effects x s), at theta.
nb::object information_product(Problem& self, const Input1<double>& theta, const Input2<double>& w) {
  check_theta(self, theta);
  Elimination& e = self.general();
  const std::size_t s = w.shape(1), total = w.shape(0);
  require(static_cast<std::int64_t>(total) == e.total_effects(), "w must have a row per effect");
  std::vector<double> D(s * s, 0.0);
  {
    nb::gil_scoped_release release;
    if (!std::isfinite(e.value(theta.data()))) throw std::domain_error("the criterion is not defined at this theta");
    std::vector<double> placed(total * s), c;
    std::size_t row = 0;
    for (int f = 0; f < self.layout.n_factors(); ++f)
      for (int l = 0; l < self.moments.levels[f]; ++l)
        for (int a = 0; a < self.layout.effects[f]; ++a, ++row)
          for (std::size_t t = 0; t < s; ++t)
            placed[(e.effect_offset(e.node(f, l)) + a) * s + t] = w.data()[row * s + t];
    e.raw_products(placed, c, static_cast<int>(s));
    for (std::size_t i = 0; i < total; ++i)
      for (std::size_t a = 0; a < s; ++a)
        for (std::size_t b = 0; b <= a; ++b) D[a * s + b] += placed[i * s + a] * c[i * s + b];
    e.forward_columns(c, D, static_cast<int>(s));
    for (std::size_t a = 0; a < s; ++a)
      for (std::size_t b = 0; b < a; ++b) D[b * s + a] = D[a * s + b];
  }
  return to_numpy(std::move(D), {s, s});
}

void replace_response(Problem& self, const std::vector<Input2<double>>& c, const Input1<double>& d) {
  require(c.size() == self.moments.levels.size(), "one array per factor");
  require(d.size() == static_cast<std::size_t>(self.moments.p) + 1, "d must have p + 1 entries");
  std::vector<std::vector<double>> list;
  for (std::size_t f = 0; f < c.size(); ++f) {
    require(c[f].shape(0) == static_cast<std::size_t>(self.moments.levels[f]) &&
                c[f].shape(1) == static_cast<std::size_t>(self.moments.effects[f]),
            "c must be m x K");
    list.push_back(to_vector<double>(c[f]));
  }
  self.replace_response(list, to_vector<double>(d));
}

nb::dict structure(Problem& self) {
  Elimination& e = self.general();
  nb::dict out;
  out["core_size"] = e.core_size();
  out["list_size"] = e.list_size();
  out["nodes"] = e.n_nodes();
  return out;
}

}  // namespace

void bind_problem(nb::module_& m) {
  nb::class_<Problem>(m, "Problem")
      .def("__init__", &construct, nb::arg("p"), nb::arg("A"), nb::arg("C"), nb::arg("D"), nb::arg("pairs"),
           nb::arg("entries"), nb::arg("blocks"), nb::arg("reml"), nb::arg("n"), nb::arg("known_sigma"),
           nb::arg("max_core"))
      .def("start", &start_of)
      .def("evaluate", &evaluate, nb::arg("theta"), nb::arg("general") = false)
      .def("value", &value_at, nb::arg("theta"))
      .def("optimise", &optimise_problem, nb::arg("start"), nb::arg("tolerance"), nb::arg("dual_tolerance"),
           nb::arg("max_evaluations"), nb::arg("watch").none())
      .def("posterior", &posterior, nb::arg("theta"))
      .def("row_variance", &row_variance, nb::arg("level"), nb::arg("Z"))
      .def("information_product", &information_product, nb::arg("theta"), nb::arg("w"))
      .def("reductions", &reductions, nb::arg("thetas"), nb::arg("threads") = 1)
      .def("draw_effects", &draw_effects, nb::arg("thetas"), nb::arg("betas"), nb::arg("sigmas"), nb::arg("seed"),
           nb::arg("first"), nb::arg("threads") = 1)
      .def("reduction_gradients", &reduction_gradients, nb::arg("thetas"), nb::arg("weights"))
      .def("replace_response", &replace_response, nb::arg("c"), nb::arg("d"))
      .def("structure", &structure);
}

}  // namespace ml
