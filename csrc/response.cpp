// One table from family and link to the log density; loops over rows at three depths of derivatives.
#include "response.hpp"

#include <limits>
#include <stdexcept>
#include <type_traits>

#include "canonical.hpp"
#include "families/beta.hpp"
#include "families/beta_binomial.hpp"
#include "families/binomial.hpp"
#include "families/gamma.hpp"
#include "families/gaussian.hpp"
#include "families/inverse_gaussian.hpp"
#include "families/negative_binomial.hpp"
#include "families/ordinal.hpp"
#include "families/poisson.hpp"
#include "families/zero_inflated.hpp"

namespace ml {

namespace {

using families::Link;
using families::Row;

[[noreturn]] void unknown() { throw std::invalid_argument("this family has no such link"); }

// Calls work.template operator()<FamilyStruct, link>() for the first link of the list that is the given one.
template <class F, Link... links, class Work>
auto with_link(int link, const Work& work) {
  using Result = std::common_type_t<decltype(work.template operator()<F, links>())...>;
  if constexpr (std::is_void_v<Result>) {
    if (!((static_cast<int>(links) == link && (work.template operator()<F, links>(), true)) || ...)) unknown();
  } else {
    Result found{};
    if (!((static_cast<int>(links) == link && (found = work.template operator()<F, links>(), true)) || ...)) unknown();
    return found;
  }
}

// Family and link by their numbers: the one place where the choice is made.
template <class Work>
auto choose(const Response& r, const Work& work) {
  using namespace families;
  const int k = r.link;
  switch (r.family) {
    case Family::binomial: return with_link<Binomial, Link::logit, Link::probit, Link::cloglog, Link::log, Link::identity>(k, work);
    case Family::poisson:
      if (r.inflated) return with_link<ZeroInflated<Poisson>, Link::log, Link::identity, Link::sqrt>(k, work);
      return with_link<Poisson, Link::log, Link::identity, Link::sqrt>(k, work);
    case Family::negative_binomial_2:
      if (r.inflated) return with_link<ZeroInflated<NegativeBinomial2>, Link::log, Link::identity, Link::sqrt>(k, work);
      return with_link<NegativeBinomial2, Link::log, Link::identity, Link::sqrt>(k, work);
    case Family::negative_binomial_1:
      if (r.inflated) return with_link<ZeroInflated<NegativeBinomial1>, Link::log, Link::identity, Link::sqrt>(k, work);
      return with_link<NegativeBinomial1, Link::log, Link::identity, Link::sqrt>(k, work);
    case Family::gamma: return with_link<Gamma, Link::log, Link::inverse, Link::identity>(k, work);
    case Family::inverse_gaussian: return with_link<InverseGaussian, Link::log, Link::inverse, Link::identity>(k, work);
    case Family::beta: return with_link<Beta, Link::logit, Link::probit, Link::cloglog>(k, work);
    case Family::beta_binomial: return with_link<BetaBinomial, Link::logit, Link::probit, Link::cloglog>(k, work);
    case Family::gaussian: return with_link<Gaussian, Link::identity, Link::log, Link::inverse>(k, work);
    case Family::student: return with_link<Student, Link::identity, Link::log, Link::inverse>(k, work);
    case Family::ordinal: return with_link<Ordinal, Link::logit, Link::probit>(k, work);
  }
  unknown();
}

// Values of the auxiliary numbers of one row.
struct AuxOf {
  const Response& r;
  const double *aux, *rows_aux;

  void fill(std::int64_t i, int count, double* out) const {
    if (r.ordinal()) {
      const int c = static_cast<int>(r.y[i]);
      out[0] = c > 1 ? aux[c - 2] : -std::numeric_limits<double>::infinity();
      out[1] = c <= r.n_global ? aux[c - 1] : std::numeric_limits<double>::infinity();
      return;
    }
    for (int j = 0; j < count; ++j) out[j] = j < r.n_global ? aux[j] : rows_aux[i];
  }
};

Row row_of(const Response& r, std::int64_t i) { return {r.y[i], r.trials.empty() ? 1.0 : r.trials[i]}; }
double frequency_of(const Response& r, std::int64_t i) { return r.frequency.empty() ? 1.0 : r.frequency[i]; }

}  // namespace

int Response::n_aux() const {
  return choose(*this, []<class F, Link>() { return F::aux; });
}

double Response::constant() const {
  return choose(*this, [&]<class F, Link>() {
    double sum = 0.0;
    for (std::int64_t i = 0; i < n(); ++i) sum += frequency_of(*this, i) * F::constant(row_of(*this, i));
    return sum;
  });
}

void RowDerivatives::resize(std::int64_t n, int n_aux) {
  for (auto* v : {&l, &d1, &d2, &d3}) v->resize(n);
  for (int j = 0; j < 2; ++j)
    for (auto* v : {&by_aux[j], &cross[j], &curved[j]}) v->resize(j < n_aux ? n : 0);
}

double log_density(const Response& r, const double* aux, const double* rows_aux, const double* eta, std::int64_t first,
                   std::int64_t last) {
  if (canonical(r)) return canonical_rows(r, eta, first, last, nullptr, nullptr, nullptr, nullptr);
  const AuxOf values{r, aux, rows_aux};
  return choose(r, [&]<class F, Link link>() {
    double sum = 0.0, a[2] = {0.0, 0.0};
    for (std::int64_t i = first; i < last; ++i) {
      if constexpr (F::aux > 0) values.fill(i, F::aux, a);
      sum += frequency_of(r, i) * F::template log_density<link, double>(row_of(r, i), eta[i], a);
    }
    return sum;
  });
}

double two_derivatives(const Response& r, const double* aux, const double* rows_aux, const double* eta,
                       std::int64_t first, std::int64_t last, double* d1, double* d2) {
  if (canonical(r)) return canonical_rows(r, eta, first, last, nullptr, d1, d2, nullptr);
  const AuxOf values{r, aux, rows_aux};
  return choose(r, [&]<class F, Link link>() {
    using Series = Jet<2, 0>;
    double sum = 0.0, a[2] = {0.0, 0.0};
    for (std::int64_t i = first; i < last; ++i) {
      if constexpr (F::aux > 0) values.fill(i, F::aux, a);
      const Series s[2] = {Series(a[0]), Series(a[1])};
      const Series found = F::template log_density<link, Series>(row_of(r, i), Series::variable(eta[i]), s);
      const double w = frequency_of(r, i);
      sum += w * found.c[0];
      d1[i] = w * found.c[1];
      d2[i] = 2.0 * w * found.c[2];
    }
    return sum;
  });
}

void density_by_row(const Response& r, const double* aux, const double* rows_aux, const double* eta, std::int64_t first,
                    std::int64_t last, double* l) {
  if (canonical(r)) {
    canonical_rows(r, eta, first, last, l, nullptr, nullptr, nullptr);
    return;
  }
  const AuxOf values{r, aux, rows_aux};
  choose(r, [&]<class F, Link link>() {
    double a[2] = {0.0, 0.0};
    for (std::int64_t i = first; i < last; ++i) {
      if constexpr (F::aux > 0) values.fill(i, F::aux, a);
      l[i] = frequency_of(r, i) * F::template log_density<link, double>(row_of(r, i), eta[i], a);
    }
    return 0;
  });
}

namespace {

// Derivatives by eta up to `order`; by the auxiliary numbers one less.
template <int order>
void series_by_row(const Response& r, const double* aux, const double* rows_aux, const double* eta, std::int64_t first,
                   std::int64_t last, RowDerivatives& out) {
  if (canonical(r)) {
    canonical_rows(r, eta, first, last, out.l.data(), out.d1.data(), out.d2.data(), order > 2 ? out.d3.data() : nullptr);
    return;
  }
  const AuxOf values{r, aux, rows_aux};
  choose(r, [&]<class F, Link link>() {
    using Series = Jet<order, F::aux>;
    double a[2] = {0.0, 0.0};
    Series s[2];
    for (std::int64_t i = first; i < last; ++i) {
      if constexpr (F::aux > 0) {
        values.fill(i, F::aux, a);
        for (int j = 0; j < F::aux; ++j) s[j] = Series::auxiliary(a[j], j);
      }
      const Series found = F::template log_density<link, Series>(row_of(r, i), Series::variable(eta[i]), s);
      const double w = frequency_of(r, i);
      out.l[i] = w * found.c[0];
      out.d1[i] = w * found.c[1];
      out.d2[i] = 2.0 * w * found.c[2];
      if constexpr (order > 2) out.d3[i] = 6.0 * w * found.c[3];
      for (int j = 0; j < F::aux; ++j) {
        out.by_aux[j][i] = w * found.a[j][0];
        if constexpr (order > 2) {
          out.cross[j][i] = w * found.a[j][1];
          out.curved[j][i] = 2.0 * w * found.a[j][2];
        }
      }
    }
    return 0;
  });
}

}  // namespace

void derivatives_by_row(const Response& r, const double* aux, const double* rows_aux, const double* eta,
                        std::int64_t first, std::int64_t last, RowDerivatives& out) {
  series_by_row<2>(r, aux, rows_aux, eta, first, last, out);
}

void all_derivatives(const Response& r, const double* aux, const double* rows_aux, const double* eta, std::int64_t first,
                     std::int64_t last, RowDerivatives& out) {
  series_by_row<3>(r, aux, rows_aux, eta, first, last, out);
}

}  // namespace ml
