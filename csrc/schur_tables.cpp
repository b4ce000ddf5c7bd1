// Products with sparse tables of small blocks: gathers of rows of right sides, summed in registers.
#include "schur_tables.hpp"

#include <algorithm>

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

struct One {
  double operator[](std::int64_t) const { return 1.0; }
};

// How many entries ahead the rows of right sides are fetched: they stand at random places, which takes long.
constexpr std::int64_t ahead = 8;

ML_INLINE void fetch(const double* row, std::int64_t size) {
#if defined(__GNUC__)
  for (std::int64_t c = 0; c < size; c += 8) __builtin_prefetch(row + c, 0, 1);
  __builtin_prefetch(row + size - 1, 0, 1);
#else
  (void)row, (void)size;
#endif
}

// W columns of one row of scalars; the first of them fetch for all.
template <int W, bool first, class Value>
ML_INLINE void scalar_columns(const std::int32_t* index, Value value, std::int64_t from, std::int64_t to,
                              std::int64_t end, const double* z, std::int64_t s, double sign, double* out) {
  double sum[W] = {};
  for (std::int64_t e = from; e < to; ++e) {
    if (first) fetch(z + index[std::min(e + ahead, end)] * s, s);
    const double v = value[e];
    const double* x = z + index[e] * s;
    for (int c = 0; c < W; ++c) sum[c] += v * x[c];
  }
  for (int c = 0; c < W; ++c) out[c] += sign * sum[c];
}

template <class Value>
ML_INLINE void scalar_rows(const std::int64_t* start, const std::int32_t* index, Value value, std::int64_t lo,
                           std::int64_t hi, const double* z, std::int64_t s, double sign, double* out) {
  const std::int64_t end = start[hi] - 1;
  for (std::int64_t i = lo; i < hi; ++i) {
    const std::int64_t from = start[i], to = start[i + 1];
    if (from == to) continue;
    double* o = out + i * s;
    std::int64_t c = 0;
    auto columns = [&]<int W>() {
      if (c == 0)
        scalar_columns<W, true>(index, value, from, to, end, z, s, sign, o);
      else
        scalar_columns<W, false>(index, value, from, to, end, z + c, s, sign, o + c);
      c += W;
    };
    while (c + 16 <= s) columns.template operator()<16>();
    if (c + 8 <= s) columns.template operator()<8>();
    if (c + 4 <= s) columns.template operator()<4>();
    if (c + 2 <= s) columns.template operator()<2>();
    if (c < s) columns.template operator()<1>();
  }
}

ML_FOR_EACH_PROCESSOR void add_ones(const std::int64_t* start, const std::int32_t* index, std::int64_t lo,
                                    std::int64_t hi, const double* z, std::int64_t s, double sign, double* out) {
  scalar_rows(start, index, One{}, lo, hi, z, s, sign, out);
}

ML_FOR_EACH_PROCESSOR void add_singles(const std::int64_t* start, const std::int32_t* index, const float* value,
                                       std::int64_t lo, std::int64_t hi, const double* z, std::int64_t s,
                                       double sign, double* out) {
  scalar_rows(start, index, value, lo, hi, z, s, sign, out);
}

ML_FOR_EACH_PROCESSOR void add_doubles(const std::int64_t* start, const std::int32_t* index, const double* value,
                                       std::int64_t lo, std::int64_t hi, const double* z, std::int64_t s,
                                       double sign, double* out) {
  scalar_rows(start, index, value, lo, hi, z, s, sign, out);
}

// W columns of one effect of a row of blocks.
template <int W>
ML_INLINE void block_columns(const std::int32_t* index, const double* value, int a, int kr, int kc, std::int64_t from,
                             std::int64_t to, const double* z, std::int64_t s, double sign, double* out) {
  double sum[W] = {};
  for (std::int64_t e = from; e < to; ++e) {
    const double* v = value + (e * kr + a) * kc;
    const double* x = z + static_cast<std::int64_t>(index[e]) * kc * s;
    for (int b = 0; b < kc; ++b)
      for (int c = 0; c < W; ++c) sum[c] += v[b] * x[b * s + c];
  }
  for (int c = 0; c < W; ++c) out[c] += sign * sum[c];
}

ML_FOR_EACH_PROCESSOR void add_blocks(const std::int64_t* start, const std::int32_t* index, const double* value,
                                      int kr, int kc, std::int64_t lo, std::int64_t hi, const double* z,
                                      std::int64_t s, double sign, double* out) {
  for (std::int64_t i = lo; i < hi; ++i) {
    const std::int64_t from = start[i], to = start[i + 1];
    for (int a = 0; a < kr; ++a) {
      double* o = out + (i * kr + a) * s;
      std::int64_t c = 0;
      for (; c + 8 <= s; c += 8) block_columns<8>(index, value, a, kr, kc, from, to, z + c, s, sign, o + c);
      for (; c + 4 <= s; c += 4) block_columns<4>(index, value, a, kr, kc, from, to, z + c, s, sign, o + c);
      for (; c < s; ++c) block_columns<1>(index, value, a, kr, kc, from, to, z + c, s, sign, o + c);
    }
  }
}

}  // namespace

BlockTable::BlockTable(int k_row, int k_col, std::vector<std::int64_t> starts, std::vector<std::int32_t> indices,
                       const double* value)
    : k_row(k_row), k_col(k_col), start(std::move(starts)), index(std::move(indices)) {
  const std::size_t size = index.size() * k_row * k_col;
  bool ones = k_row == 1 && k_col == 1, singles = ones;
  for (std::size_t i = 0; i < size && singles; ++i) {
    ones = ones && value[i] == 1.0;
    singles = static_cast<double>(static_cast<float>(value[i])) == value[i];
  }
  kind_ = ones ? Kind::ones : singles ? Kind::singles : Kind::doubles;
  if (kind_ == Kind::singles) singles_.assign(value, value + size);
  if (kind_ == Kind::doubles) doubles_.assign(value, value + size);
}

BlockTable BlockTable::transposed(std::int64_t columns) const {
  BlockTable t;
  t.k_row = k_col, t.k_col = k_row, t.kind_ = kind_;
  t.start.assign(columns + 1, 0);
  for (std::int32_t j : index) ++t.start[j + 1];
  for (std::int64_t j = 0; j < columns; ++j) t.start[j + 1] += t.start[j];
  t.index.resize(index.size());
  t.singles_.resize(singles_.size());
  t.doubles_.resize(doubles_.size());
  std::vector<std::int64_t> next(t.start.begin(), t.start.end() - 1);
  for (std::int64_t i = 0; i < rows(); ++i)
    for (std::int64_t e = start[i]; e < start[i + 1]; ++e) {
      const std::int64_t to = next[index[e]]++;
      t.index[to] = static_cast<std::int32_t>(i);
      if (kind_ == Kind::singles) t.singles_[to] = singles_[e];
      if (kind_ == Kind::doubles)
        for (int a = 0; a < k_row; ++a)
          for (int b = 0; b < k_col; ++b)
            t.doubles_[(to * k_col + b) * k_row + a] = doubles_[(e * k_row + a) * k_col + b];
    }
  return t;
}

void BlockTable::add(std::int64_t lo, std::int64_t hi, const double* z, int s, double sign, double* out) const {
  if (k_row != 1 || k_col != 1)
    add_blocks(start.data(), index.data(), doubles_.data(), k_row, k_col, lo, hi, z, s, sign, out);
  else if (kind_ == Kind::ones)
    add_ones(start.data(), index.data(), lo, hi, z, s, sign, out);
  else if (kind_ == Kind::singles)
    add_singles(start.data(), index.data(), singles_.data(), lo, hi, z, s, sign, out);
  else
    add_doubles(start.data(), index.data(), doubles_.data(), lo, hi, z, s, sign, out);
}

void BlockTable::block(std::int64_t e, double* out) const {
  const std::int64_t size = static_cast<std::int64_t>(k_row) * k_col;
  if (size == 1)
    out[0] = scalar(e);
  else
    std::copy(doubles_.begin() + e * size, doubles_.begin() + (e + 1) * size, out);
}

std::vector<std::int64_t> cut_rows(const std::vector<std::int64_t>& weight, std::int64_t each) {
  std::vector<std::int64_t> limits{0};
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < weight.size(); ++i) {
    sum += weight[i];
    if (sum >= each && i + 1 < weight.size()) {
      limits.push_back(static_cast<std::int64_t>(i) + 1);
      sum = 0;
    }
  }
  if (!weight.empty()) limits.push_back(static_cast<std::int64_t>(weight.size()));
  return limits;
}

}  // namespace ml
