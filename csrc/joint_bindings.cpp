// Binding of the joint density.
#include "joint_bindings.hpp"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <tuple>

#include "joint.hpp"
#include "response_bindings.hpp"

namespace ml {

namespace {

using Given = std::optional<Input1<double>>;
// Level, m, Z, weight, W, pull, mode.
using FactorTuple = std::tuple<Input1<std::int32_t>, int, Input2<double>, Input1<double>, Input<double>, Input2<double>,
                               Input2<double>>;
using Matrices = std::vector<Input2<double>>;

std::vector<JointFactor> checked_factors(const std::vector<FactorTuple>& factors, std::size_t n) {
  std::vector<JointFactor> found;
  for (const auto& [level, m, Z, weight, W, pull, mode] : factors) {
    const std::size_t K = Z.shape(1), size = static_cast<std::size_t>(m) * K;
    require(level.size() == n && Z.shape(0) == n && weight.size() == n, "every factor needs numbers for each row");
    require(W.size() == size * K && pull.size() == size && mode.size() == size, "a factor's mode has the wrong size");
    for (std::size_t i = 0; i < n; ++i) require(level.data()[i] >= 0 && level.data()[i] < m, "level outside its factor");
    found.push_back({m, static_cast<int>(K), to_vector<std::int32_t>(level), to_vector<double>(Z),
                     to_vector<double>(weight), to_vector<double>(W), to_vector<double>(pull), to_vector<double>(mode)});
  }
  return found;
}

void construct(Joint* self, int family, int link, bool inflated, int n_global, const Input1<double>& y,
               const Given& trials, const Given& frequency, const Given& offset, const Columns& X,
               const Columns& inflation, const Input1<double>& beta_mode, const std::vector<FactorTuple>& factors) {
  Response response = checked_response(family, link, inflated, n_global, y, trials, frequency);
  const std::size_t n = y.size();
  require(!offset || offset->size() == n, "offset must have one number per row");
  require(X.shape(0) == n && inflation.shape(0) == n, "every column needs a number per row");
  require(beta_mode.size() == X.shape(1), "the mode of beta has the wrong length");
  require(inflated == (inflation.shape(1) > 0), "columns of zero inflation are for zero inflation");
  new (self) Joint(std::move(response), offset ? to_vector<double>(*offset) : std::vector<double>(n, 0.0),
                   to_vector<double>(X), static_cast<int>(X.shape(1)), to_vector<double>(inflation),
                   static_cast<int>(inflation.shape(1)), to_vector<double>(beta_mode), checked_factors(factors, n));
}

JointPoint checked_point(const Joint& self, const Input1<double>& beta, const Input1<double>& inflation,
                         const Input1<double>& aux, const Matrices& lambda, const Input1<double>& z) {
  require(beta.size() == static_cast<std::size_t>(self.p()), "beta has the wrong length");
  require(inflation.size() == static_cast<std::size_t>(self.q()), "inflation has the wrong length");
  require(aux.size() == static_cast<std::size_t>(self.response().n_global), "aux has the wrong length");
  require(z.size() == static_cast<std::size_t>(self.n_z()), "z has the wrong length");
  require(lambda.size() == self.factors().size(), "there must be a Lambda for each factor");
  JointPoint at{beta.data(), inflation.data(), aux.data(), {}, z.data()};
  for (std::size_t f = 0; f < lambda.size(); ++f) {
    const std::size_t K = self.factors()[f].K;
    require(lambda[f].shape(0) == K && lambda[f].shape(1) == K, "a Lambda has the wrong shape");
    at.lambda.push_back(lambda[f].data());
  }
  return at;
}

nb::object moved(std::vector<double>&& values) {
  const std::size_t size = values.size();
  return to_numpy(std::move(values), {size});
}

nb::tuple evaluate(const Joint& self, const Input1<double>& beta, const Input1<double>& inflation,
                   const Input1<double>& aux, const Matrices& lambda, const Input1<double>& z) {
  const JointPoint at = checked_point(self, beta, inflation, aux, lambda, z);
  JointGradient gradient;
  double value = 0.0;
  {
    nb::gil_scoped_release release;
    value = self.evaluate(at, gradient);
  }
  nb::list by_lambda;
  for (std::size_t f = 0; f < lambda.size(); ++f) {
    const std::size_t K = self.factors()[f].K;
    by_lambda.append(to_numpy(std::move(gradient.lambda[f]), {K, K}));
  }
  return nb::make_tuple(value, moved(std::move(gradient.beta)), moved(std::move(gradient.inflation)),
                        moved(std::move(gradient.aux)), by_lambda, moved(std::move(gradient.z)));
}

nb::list effects(const Joint& self, const Input1<double>& beta, const Input1<double>& inflation,
                 const Input1<double>& aux, const Matrices& lambda, const Input1<double>& z) {
  auto found = self.effects(checked_point(self, beta, inflation, aux, lambda, z));
  nb::list out;
  for (std::size_t f = 0; f < found.size(); ++f) {
    const std::size_t m = self.factors()[f].m, K = self.factors()[f].K;
    out.append(to_numpy(std::move(found[f]), {m, K}));
  }
  return out;
}

}  // namespace

void bind_joint(nb::module_& m) {
  nb::class_<Joint>(m, "Joint")
      .def("__init__", &construct, nb::arg("family"), nb::arg("link"), nb::arg("inflated"), nb::arg("n_global"),
           nb::arg("y"), nb::arg("trials").none(), nb::arg("frequency").none(), nb::arg("offset").none(), nb::arg("X"),
           nb::arg("inflation"), nb::arg("beta_mode"), nb::arg("factors"))
      .def("evaluate", &evaluate, nb::arg("beta"), nb::arg("inflation"), nb::arg("aux"), nb::arg("lambdas"), nb::arg("z"))
      .def("effects", &effects, nb::arg("beta"), nb::arg("inflation"), nb::arg("aux"), nb::arg("lambdas"), nb::arg("z"));
  bind_joint_target(m);
}

}  // namespace ml
