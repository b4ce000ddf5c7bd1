// exp and log1p as polynomials, so that compilers turn the loops over rows into vector instructions.
#include "canonical.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <numbers>

#include "families/links.hpp"

// The widest vectors that the processor has; without fused multiply-add, so that all give the same bits.
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__gnu_linux__) && !defined(__SANITIZE_ADDRESS__)
#define ML_FOR_EACH_PROCESSOR __attribute__((target_clones("default", "avx2", "avx512f")))
#else
#define ML_FOR_EACH_PROCESSOR
#endif
#if defined(__GNUC__)
#define ML_INLINE inline __attribute__((always_inline))
#else
#define ML_INLINE inline
#endif

namespace ml {

namespace {

constexpr std::int64_t chunk = 256;
using Buffer = std::array<double, chunk>;

const Buffer ones = [] {
  Buffer b;
  b.fill(1.0);
  return b;
}();

// e^x for |x| < 709: x = n log 2 + r, the Taylor series of e^r to r^13 (its error is below 1e-17).
ML_INLINE double exp_within(double x) {
  constexpr double shift = 0x1.8p52, high = 0x1.62e42fee00000p-1, low = 0x1.a39ef35793c76p-33;
  const double t = x * std::numbers::log2e + shift, n = t - shift;
  const double r = (x - n * high) - n * low;
  double s = 1.0 / 6227020800;
  s = s * r + 1.0 / 479001600;
  s = s * r + 1.0 / 39916800;
  s = s * r + 1.0 / 3628800;
  s = s * r + 1.0 / 362880;
  s = s * r + 1.0 / 40320;
  s = s * r + 1.0 / 5040;
  s = s * r + 1.0 / 720;
  s = s * r + 1.0 / 120;
  s = s * r + 1.0 / 24;
  s = s * r + 1.0 / 6;
  s = s * r + 0.5;
  s = s * (r * r) + r;
  const std::uint64_t power = (std::bit_cast<std::uint64_t>(t) + 1023) << 52;
  const double scale = std::bit_cast<double>(power);
  return scale * s + scale;
}

// log(1 + e) for 0 <= e <= 1 by the series of 2 atanh(z), |z| <= 0.172.
ML_INLINE double log1p_share(double e) {
  const bool large = e > 0.41421356237309503;
  const double f = large ? 0.5 * (e - 1.0) : e, z = f / (2.0 + f), q = z * z;
  double s = 2.0 / 23;
  s = s * q + 2.0 / 21;
  s = s * q + 2.0 / 19;
  s = s * q + 2.0 / 17;
  s = s * q + 2.0 / 15;
  s = s * q + 2.0 / 13;
  s = s * q + 2.0 / 11;
  s = s * q + 2.0 / 9;
  s = s * q + 2.0 / 7;
  s = s * q + 2.0 / 5;
  s = s * q + 2.0 / 3;
  const double half = 0.5 * f * f;
  return (large ? std::numbers::ln2 : 0.0) + (f - (half - z * (half + q * s)));
}

struct Chunk {
  Buffer l, d1, d2, d3;
};

// w (y eta - n log(1 + e^eta)).
ML_FOR_EACH_PROCESSOR
void binomial_logit(const double* eta, const double* y, const double* trials, const double* w, int size, Chunk& out) {
  for (int i = 0; i < size; ++i) {
    const double x = eta[i], negative = -std::abs(x);
    const double e = exp_within(negative < -700.0 ? -700.0 : negative), over = 1.0 / (1.0 + e);
    const double small = e * over, mean = x >= 0.0 ? over : small, v = small * over;
    const double times = w[i] * trials[i], wy = w[i] * y[i];
    out.l[i] = wy * x - times * ((x < 0.0 ? 0.0 : x) + log1p_share(e));
    out.d1[i] = wy - times * mean;
    out.d2[i] = -times * v;
    out.d3[i] = -times * v * ((1.0 - e) * over) * (x >= 0.0 ? -1.0 : 1.0);
  }
}

// w (y eta - e^eta).
ML_FOR_EACH_PROCESSOR
void poisson_log(const double* eta, const double* y, const double* w, int size, Chunk& out) {
  for (int i = 0; i < size; ++i) {
    const double x = eta[i], low = x < -700.0 ? -700.0 : x, within = low > 709.0 ? 709.0 : low;
    const double e = exp_within(within), mean = x > 709.0 ? std::numeric_limits<double>::infinity() : e;
    out.l[i] = w[i] * (y[i] * x - mean);
    out.d1[i] = w[i] * (y[i] - mean);
    out.d2[i] = -w[i] * mean;
    out.d3[i] = -w[i] * mean;
  }
}

double sum_of(const Buffer& values, int size) {
  double part[4] = {0.0, 0.0, 0.0, 0.0};
  int i = 0;
  for (; i + 4 <= size; i += 4)
    for (int j = 0; j < 4; ++j) part[j] += values[i + j];
  for (; i < size; ++i) part[0] += values[i];
  return (part[0] + part[1]) + (part[2] + part[3]);
}

}  // namespace

bool canonical(const Response& r) {
  if (r.inflated) return false;
  const auto link = static_cast<families::Link>(r.link);
  return (r.family == Family::binomial && link == families::Link::logit) ||
         (r.family == Family::poisson && link == families::Link::log);
}

double canonical_rows(const Response& r, const double* eta, std::int64_t first, std::int64_t last, double* l,
                      double* d1, double* d2, double* d3) {
  Chunk found;
  double sum = 0.0;
  for (std::int64_t at = first; at < last; at += chunk) {
    const int size = static_cast<int>(std::min(chunk, last - at));
    const double* w = r.frequency.empty() ? ones.data() : r.frequency.data() + at;
    if (r.family == Family::binomial)
      binomial_logit(eta + at, r.y.data() + at, r.trials.empty() ? ones.data() : r.trials.data() + at, w, size, found);
    else
      poisson_log(eta + at, r.y.data() + at, w, size, found);
    sum += sum_of(found.l, size);
    if (l) std::copy_n(found.l.data(), size, l + at);
    if (d1) std::copy_n(found.d1.data(), size, d1 + at);
    if (d2) std::copy_n(found.d2.data(), size, d2 + at);
    if (d3) std::copy_n(found.d3.data(), size, d3 + at);
  }
  return sum;
}

}  // namespace ml
