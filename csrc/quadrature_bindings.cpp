// Binding of adaptive quadrature over the effects of one factor.
#include "quadrature_bindings.hpp"

#include <nanobind/stl/optional.h>

#include "quadrature.hpp"

namespace ml {

namespace {

using Given = std::optional<Input1<double>>;

void construct(Quadrature* self, Laplace& laplace, const Input2<double>& points, const Input1<double>& log_weights,
               int threads) {
  require(points.shape(0) == log_weights.size(), "points must have a row per weight");
  require(!laplace.factors().empty() && points.shape(1) == static_cast<std::size_t>(laplace.factors()[0].K),
          "points must have a column per effect");
  new (self) Quadrature(laplace, to_vector<double>(points), to_vector<double>(log_weights), threads);
}

nb::object copied(const std::vector<double>& values) { return to_numpy(std::vector<double>(values), {values.size()}); }

nb::dict evaluate(Quadrature& self, const Input1<double>& beta, const Input1<double>& theta, const Input1<double>& aux,
                  const Given& rows_aux, bool gradient) {
  const Laplace& laplace = self.laplace();
  require(beta.size() == static_cast<std::size_t>(laplace.p()), "beta has the wrong length");
  require(theta.size() == static_cast<std::size_t>(laplace.layout().n_theta), "theta has the wrong length");
  require(aux.size() == static_cast<std::size_t>(laplace.response().n_global), "aux has the wrong length");
  require(laplace.response().inflated == rows_aux.has_value(), "rows_aux is for zero inflation");
  require(!rows_aux || rows_aux->size() == static_cast<std::size_t>(laplace.n()), "rows_aux has the wrong length");
  double value = 0.0;
  {
    nb::gil_scoped_release release;
    value = self.evaluate(beta.data(), theta.data(), aux.data(), rows_aux ? rows_aux->data() : nullptr, gradient);
  }
  nb::dict out;
  out["value"] = value;
  out["laplace"] = self.laplace_value;
  out["inner_steps"] = laplace.inner_steps;
  out["by_group"] = copied(self.by_group);
  if (!gradient || !std::isfinite(value)) return out;
  const std::size_t K = self.effects();
  out["beta"] = copied(self.gradient_beta);
  out["theta"] = copied(self.gradient_theta);
  out["aux"] = copied(self.gradient_aux);
  out["rows_aux"] = copied(self.gradient_rows_aux);
  out["inner_gradient"] = laplace.inner_gradient;
  nb::list G;
  G.append(to_numpy(std::vector<double>(self.G), {K, K}));
  out["G"] = G;
  return out;
}

}  // namespace

void bind_quadrature(nb::module_& m) {
  nb::class_<Quadrature>(m, "Quadrature")
      .def("__init__", &construct, nb::arg("laplace"), nb::arg("points"), nb::arg("log_weights"), nb::arg("threads"),
           nb::keep_alive<1, 2>())
      .def("evaluate", &evaluate, nb::arg("beta"), nb::arg("theta"), nb::arg("aux"), nb::arg("rows_aux").none(),
           nb::arg("gradient") = true);
}

}  // namespace ml
