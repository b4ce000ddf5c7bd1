// Binding of the joint density of one vector, and the addresses that a sampler in another language calls.
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <tuple>
#include <utility>

#include "joint_bindings.hpp"
#include "joint_target.hpp"

namespace ml {

namespace {

using Numbers = Input1<double>;
using Matrix = Input2<double>;
using Places = Input1<std::int32_t>;
// First position, which are free, all values, rows of priors.
using BlockTuple = std::tuple<int, Places, Numbers, Matrix>;
// Factor, first effect, alone, positions of sds, sds that are held, rows of priors, first partial correlation, Cholesky
// factor of the correlation matrix, power and constant of its prior, degrees of freedom and scale of a prior of the
// covariance matrix.
using TermTuple = std::tuple<int, int, bool, Places, Numbers, Matrix, int, Matrix, double, double, double, Matrix>;
// Mean, precision and constant of a joint normal prior.
using NormalTuple = std::tuple<Numbers, Matrix, double>;

std::vector<ScalarPrior> checked_priors(const Matrix& rows) {
  require(rows.shape(0) == 0 || rows.shape(1) == ScalarPrior::width, "a prior has eight numbers");
  std::vector<ScalarPrior> found;
  for (std::size_t i = 0; i < rows.shape(0); ++i) {
    found.push_back(ScalarPrior::from_row(rows.data() + i * ScalarPrior::width));
    require(found.back().shape >= 0 && found.back().shape <= ScalarPrior::last, "no such prior");
  }
  return found;
}

JointBlock checked_block(const BlockTuple& block, std::size_t size, int d) {
  const auto& [first, free, value, priors] = block;
  require(value.size() == size && priors.shape(0) == size, "values and priors must be as many as numbers");
  require(first >= 0 && first + static_cast<std::int64_t>(free.size()) <= d, "free numbers outside the vector");
  for (std::size_t i = 0; i < free.size(); ++i)
    require(free.data()[i] >= 0 && static_cast<std::size_t>(free.data()[i]) < size, "no such free number");
  return {first, to_vector<int>(free), to_vector<double>(value), checked_priors(priors)};
}

JointTerm checked_term(const TermTuple& given, const Joint& joint, int d) {
  const auto& [factor, first, alone, sds, held, priors, partial, L, power, top, df, scale] = given;
  const std::size_t k = sds.size();
  require(factor >= 0 && static_cast<std::size_t>(factor) < joint.factors().size(), "no such factor");
  require(first >= 0 && first + static_cast<int>(k) <= joint.factors()[factor].K, "effects outside their factor");
  require(k > 0 && held.size() == k && (!alone || k == 1), "a term's sds have the wrong length");
  bool shared = true;
  for (std::size_t a = 0; a < k; ++a) {
    require(sds.data()[a] >= -1 && sds.data()[a] < d, "an sd outside the vector");
    shared = shared && sds.data()[a] == sds.data()[0];
  }
  require(priors.shape(0) == k || (shared && priors.shape(0) == 1), "every sd needs a prior");
  require(L.shape(0) == k && L.shape(1) == k, "a correlation matrix has the wrong shape");
  require(partial >= -1 && partial + static_cast<int>(k * (k - 1) / 2) <= d, "a correlation outside the vector");
  require(scale.size() == 0 || scale.size() == k * k, "a scale has the wrong shape");
  JointTerm term;
  term.df = df;
  term.scale = to_vector<double>(scale);
  term.factor = factor, term.first = first, term.alone = alone;
  term.partial = partial, term.power = power, term.top = top;
  term.sds = to_vector<int>(sds);
  term.held = to_vector<double>(held);
  term.prior = checked_priors(priors);
  term.L = to_vector<double>(L);
  return term;
}

void construct(JointTarget* self, const Joint& joint, const Numbers& centre, const Matrix& factor,
               const BlockTuple& beta, const BlockTuple& inflation, const BlockTuple& family, const Matrix& to_centred,
               const NormalTuple& normal, bool ordinal, const Numbers& thresholds_centre, const Numbers& priors_centre,
               const std::vector<TermTuple>& terms) {
  const std::size_t d = centre.size(), p = joint.p();
  require(factor.size() == d * d && to_centred.size() == p * p, "a matrix has the wrong shape");
  require(thresholds_centre.size() == p, "the centre has the wrong length");
  require(priors_centre.size() == p || priors_centre.size() == 0, "the priors' centre has the wrong length");
  JointParameters found;
  found.d = static_cast<int>(d);
  found.beta = checked_block(beta, p, found.d);
  found.inflation = checked_block(inflation, joint.q(), found.d);
  found.family = checked_block(family, joint.response().n_global, found.d);
  require(!ordinal || found.family.free.size() == found.family.value.size(), "thresholds cannot be held");
  found.to_centred = to_vector<double>(to_centred);
  const auto& [mean, precision, top] = normal;
  require(mean.size() == (precision.size() == 0 ? 0 : p) && (precision.size() == 0 || precision.size() == p * p),
          "a normal prior has the wrong shape");
  found.mean = to_vector<double>(mean);
  found.precision = to_vector<double>(precision);
  found.top = top;
  found.ordinal = ordinal;
  found.centre = to_vector<double>(thresholds_centre);
  found.family_centre = to_vector<double>(priors_centre);
  for (const TermTuple& term : terms) found.terms.push_back(checked_term(term, joint, found.d));
  new (self) JointTarget(joint, std::move(found), to_vector<double>(centre), to_vector<double>(factor));
}

nb::tuple evaluate(const JointTarget& self, const Numbers& q) {
  require(static_cast<std::int64_t>(q.size()) == self.size(), "the vector has the wrong length");
  std::vector<double> gradient(q.size());
  double value = 0.0;
  {
    nb::gil_scoped_release release;
    value = self.evaluate(q.data(), gradient.data());
  }
  const std::size_t size = gradient.size();
  return nb::make_tuple(value, to_numpy(std::move(gradient), {size}));
}

nb::list effects(const JointTarget& self, const Matrix& q) {
  const std::size_t n = q.shape(0), size = q.shape(1);
  require(static_cast<std::int64_t>(size) == self.size(), "the vectors have the wrong length");
  std::vector<std::vector<double>> found;
  for (const JointFactor& factor : self.joint().factors()) found.emplace_back(n * factor.m * factor.K);
  {
    nb::gil_scoped_release release;
    std::vector<double*> here(found.size());
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t f = 0; f < found.size(); ++f) here[f] = found[f].data() + found[f].size() / n * i;
      self.effects(q.data() + i * size, here);
    }
  }
  nb::list out;
  for (std::size_t f = 0; f < found.size(); ++f) {
    const std::size_t m = self.joint().factors()[f].m, K = self.joint().factors()[f].K;
    out.append(to_numpy(std::move(found[f]), {n, m, K}));
  }
  return out;
}

}  // namespace

void bind_joint_target(nb::module_& m) {
  nb::class_<JointTarget>(m, "JointTarget")
      .def("__init__", &construct, nb::arg("joint"), nb::arg("centre"), nb::arg("factor"), nb::arg("beta"),
           nb::arg("inflation"), nb::arg("family"), nb::arg("to_centred"), nb::arg("normal"), nb::arg("ordinal"),
           nb::arg("thresholds_centre"), nb::arg("priors_centre"), nb::arg("terms"), nb::keep_alive<1, 2>())
      .def("evaluate", &evaluate, nb::arg("q"))
      .def("effects", &effects, nb::arg("q"))
      .def_prop_ro("address", [](const JointTarget& self) { return reinterpret_cast<std::uintptr_t>(&self); })
      .def_prop_ro("evaluations", [](const JointTarget& self) { return self.evaluations.load(); })
      .def_prop_ro("drawn", [](const JointTarget& self) { return self.drawn.load(); })
      .def_prop_ro_static("log_density_address",
                          [](nb::handle) { return reinterpret_cast<std::uintptr_t>(&log_density_of_target); })
      .def_prop_ro_static("expand_address",
                          [](nb::handle) { return reinterpret_cast<std::uintptr_t>(&expand_target); });
}

}  // namespace ml
