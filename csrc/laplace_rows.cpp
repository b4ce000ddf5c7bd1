// Loops over rows, compiled for one effect that is the intercept, for one, two and three effects, and for any number.
#include "laplace_rows.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>

namespace ml {

namespace {

// Calls work.template operator()<K, ones>(): K = 0 for any number of effects.
template <class Work>
void with_effects(int K, bool ones, const Work& work) {
  if (K == 1 && ones) return work.template operator()<1, true>();
  if (K == 1) return work.template operator()<1, false>();
  if (K == 2) return work.template operator()<2, false>();
  if (K == 3) return work.template operator()<3, false>();
  work.template operator()<0, false>();
}

// Effect columns of one row.
template <bool ones>
struct Columns {
  const double* z;
  double operator[](int a) const {
    if constexpr (ones) return 1.0;
    return z[a];
  }
};

// Calls add(i, sums) for row after row. The `size` sums at at[i] stay in registers while rows share them: memory is slow
// to give back what was just written.
template <int size, class Place, class Add>
void add_runs(const Place* at, std::int64_t first, std::int64_t last, double* to, const Add& add) {
  double sum[size];
  for (std::int64_t i = first; i < last;) {
    const Place here = at[i];
    std::copy_n(to + here, size, sum);
    do add(i, sum);
    while (++i < last && at[i] == here);
    std::copy_n(sum, size, to + here);
  }
}

}  // namespace

LaplaceRows::LaplaceRows(std::vector<FactorRows> factors, const Elimination& e) : factors_(std::move(factors)) {
  for (const FactorRows& f : factors_)
    ones_.push_back(f.K == 1 && std::all_of(f.Z.begin(), f.Z.end(), [](double z) { return z == 1.0; }));
  place(e);
}

void LaplaceRows::place(const Elimination& e) {
  if (e.total_effects() > std::numeric_limits<std::int32_t>::max()) throw std::length_error("too many effects");
  const int F = static_cast<int>(factors_.size());
  at_effect_.resize(F);
  at_block_.resize(F);
  at_pair_.assign(F, std::vector<RowVector<Elimination::Spot>>(F));
  at_single_.assign(F, std::vector<RowVector<std::int64_t>>(F));
  for (int f = 0; f < F; ++f) {
    const std::size_t n = factors_[f].level.size();
    at_effect_[f].reserve(n);
    at_block_[f].reserve(n);
    for (std::int32_t level : factors_[f].level) {
      at_effect_[f].push_back(static_cast<std::int32_t>(e.effect_offset(e.node(f, level))));
      at_block_[f].push_back(e.a_offset(e.node(f, level)));
    }
    for (int g = f + 1; g < F; ++g) {
      const bool single = factors_[f].K == 1 && factors_[g].K == 1;
      single ? at_single_[f][g].reserve(n) : at_pair_[f][g].reserve(n);
      for (std::size_t i = 0; i < n; ++i) {
        const Elimination::Spot spot = e.spot(f, factors_[f].level[i], g, factors_[g].level[i]);
        if (single)
          at_single_[f][g].push_back(spot.core ? ~spot.at : spot.at);
        else
          at_pair_[f][g].push_back(spot);
      }
    }
  }
}

void LaplaceRows::add_effects(const double* b, std::int64_t first, std::int64_t last, double* out) const {
  for (std::size_t f = 0; f < factors_.size(); ++f)
    with_effects(factors_[f].K, ones_[f], [&]<int fixed, bool ones>() {
      const int K = fixed ? fixed : factors_[f].K;
      const double* z = factors_[f].Z.data() + first * K;
      const std::int32_t* at = at_effect_[f].data();
      for (std::int64_t i = first; i < last; ++i, z += K) {
        const Columns<ones> zi{z};
        double sum = out[i];
        for (int a = 0; a < K; ++a) sum += zi[a] * b[at[i] + a];
        out[i] = sum;
      }
    });
}

void LaplaceRows::add_sums(const double* r, std::int64_t first, std::int64_t last, double* by_node) const {
  for (std::size_t f = 0; f < factors_.size(); ++f)
    with_effects(factors_[f].K, ones_[f], [&]<int fixed, bool ones>() {
      const int K = fixed ? fixed : factors_[f].K;
      const double* z = factors_[f].Z.data() + first * K;
      const std::int32_t* at = at_effect_[f].data();
      if constexpr (fixed > 0) {
        add_runs<fixed>(at, first, last, by_node, [&](std::int64_t i, double* sum) {
          const Columns<ones> zi{z + (i - first) * K};
          for (int a = 0; a < K; ++a) sum[a] += zi[a] * r[i];
        });
      } else {
        for (std::int64_t i = first; i < last; ++i, z += K)
          for (int a = 0; a < K; ++a) by_node[at[i] + a] += z[a] * r[i];
      }
    });
}

void LaplaceRows::add_columns(const double* V, std::int64_t stride, int p, std::int64_t first, std::int64_t last,
                              double* C) const {
  for (std::size_t f = 0; f < factors_.size(); ++f) {
    const int K = factors_[f].K;
    const double* z = factors_[f].Z.data() + first * K;
    for (std::int64_t i = first; i < last; ++i, z += K)
      for (int a = 0; a < K; ++a) {
        double* c = C + static_cast<std::int64_t>(at_effect_[f][i] + a) * p;
        for (int j = 0; j < p; ++j) c[j] += z[a] * V[j * stride + i - first];
      }
  }
}

void LaplaceRows::add_products(const Elimination::Values& to, const double* d2, const double* r, std::int64_t first,
                               std::int64_t last) const {
  const int F = static_cast<int>(factors_.size());
  for (int f = 0; f < F; ++f) {
    with_effects(factors_[f].K, ones_[f], [&]<int fixed, bool ones>() {
      const int K = fixed ? fixed : factors_[f].K;
      const double* z = factors_[f].Z.data() + first * K;
      const auto add = [&](std::int64_t i, double* A) {
        const Columns<ones> zi{z + (i - first) * K};
        for (int a = 0; a < K; ++a)
          for (int b = 0; b < K; ++b) A[a * K + b] -= d2[i] * zi[a] * zi[b];
      };
      const std::int64_t* at = at_block_[f].data();
      if constexpr (fixed > 0)
        add_runs<fixed * fixed>(at, first, last, to.A, add);
      else
        for (std::int64_t i = first; i < last; ++i) add(i, to.A + at[i]);
    });
    for (int g = f + 1; g < F; ++g) {
      const int K = factors_[f].K, Kg = factors_[g].K;
      const double *zf = factors_[f].Z.data() + first * K, *zg = factors_[g].Z.data() + first * Kg;
      if (!at_single_[f][g].empty()) {
        const std::int64_t* at = at_single_[f][g].data();
        const bool ones = ones_[f] && ones_[g];
        for (std::int64_t i = first; i < last; ++i) {
          double* N = at[i] < 0 ? to.core + ~at[i] : to.N + at[i];
          *N -= ones ? d2[i] : d2[i] * zf[i - first] * zg[i - first];
        }
        continue;
      }
      for (std::int64_t i = first; i < last; ++i, zf += K, zg += Kg) {
        const Elimination::Spot& spot = at_pair_[f][g][i];
        double* N = (spot.core ? to.core : to.N) + spot.at;
        for (int a = 0; a < K; ++a)
          for (int b = 0; b < Kg; ++b)
            N[static_cast<std::int64_t>(a) * spot.stride_f + static_cast<std::int64_t>(b) * spot.stride_g] -=
                d2[i] * zf[a] * zg[b];
      }
    }
  }
  if (r) add_sums(r, first, last, to.C);
}

void LaplaceRows::add_variances(const double* cov, const double* pairs, const double* core, std::int64_t first,
                                std::int64_t last, double* s) const {
  const int F = static_cast<int>(factors_.size());
  for (int f = 0; f < F; ++f) {
    with_effects(factors_[f].K, ones_[f], [&]<int fixed, bool ones>() {
      const int K = fixed ? fixed : factors_[f].K;
      const double* z = factors_[f].Z.data() + first * K;
      for (std::int64_t i = first; i < last; ++i, z += K) {
        const Columns<ones> zi{z};
        const double* block = cov + at_block_[f][i];
        double sum = s[i];
        for (int a = 0; a < K; ++a)
          for (int b = 0; b < K; ++b) sum += zi[a] * block[a * K + b] * zi[b];
        s[i] = sum;
      }
    });
    for (int g = f + 1; g < F; ++g) {
      const int K = factors_[f].K, Kg = factors_[g].K;
      const double *zf = factors_[f].Z.data() + first * K, *zg = factors_[g].Z.data() + first * Kg;
      if (!at_single_[f][g].empty()) {
        const std::int64_t* at = at_single_[f][g].data();
        for (std::int64_t i = first; i < last; ++i)
          s[i] += 2.0 * zf[i - first] * zg[i - first] * (at[i] < 0 ? core[~at[i]] : pairs[at[i]]);
        continue;
      }
      for (std::int64_t i = first; i < last; ++i, zf += K, zg += Kg) {
        const Elimination::Spot& spot = at_pair_[f][g][i];
        const double* block = (spot.core ? core : pairs) + spot.at;
        for (int a = 0; a < K; ++a)
          for (int b = 0; b < Kg; ++b)
            s[i] += 2.0 * zf[a] * zg[b] *
                    block[static_cast<std::int64_t>(a) * spot.stride_f + static_cast<std::int64_t>(b) * spot.stride_g];
      }
    }
  }
}

}  // namespace ml
