// Streamed cross-products. A block of rows becomes a tile of products, row-major, which is added to the sums of
// the rows' levels: one row touches few cache lines, and rows of one level in a run touch them once.
#include "stream.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace ml {

namespace {

// Every processor gives the same bits: sums of lanes in one order, and no fused multiply-add (see CMakeLists.txt).
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__gnu_linux__) && !defined(__SANITIZE_ADDRESS__)
#define ML_FOR_EACH_PROCESSOR __attribute__((target_clones("default", "avx2", "avx512f")))
#else
#define ML_FOR_EACH_PROCESSOR
#endif

constexpr std::size_t line = 64;

int padded(int products) {
  int stride = 1;
  while (stride < products && stride < 8) stride *= 2;
  return products <= stride ? stride : (products + 7) / 8 * 8;
}

template <class Visit>
void with_type(const Typed& source, std::int64_t begin, const Visit& visit) {
  switch (source.type) {
    case Typed::Type::f8: return visit(static_cast<const double*>(source.data) + begin);
    case Typed::Type::f4: return visit(static_cast<const float*>(source.data) + begin);
    case Typed::Type::i8: return visit(static_cast<const std::int64_t*>(source.data) + begin);
    case Typed::Type::i4: return visit(static_cast<const std::int32_t*>(source.data) + begin);
    case Typed::Type::i2: return visit(static_cast<const std::int16_t*>(source.data) + begin);
    case Typed::Type::i1: return visit(static_cast<const std::int8_t*>(source.data) + begin);
    case Typed::Type::u4: return visit(static_cast<const std::uint32_t*>(source.data) + begin);
    case Typed::Type::u2: return visit(static_cast<const std::uint16_t*>(source.data) + begin);
    case Typed::Type::u1: return visit(static_cast<const std::uint8_t*>(source.data) + begin);
  }
}

// (x - centre) * factor of a block; whether all of them are finite (0 times anything else is NaN).
template <class T>
[[gnu::always_inline]] inline bool scaled(const T* __restrict x, double centre, double factor, int rows, double* __restrict v) {
  double s[8] = {};
  int i = 0;
  for (; i + 8 <= rows; i += 8)
    for (int e = 0; e < 8; ++e) {
      v[i + e] = (static_cast<double>(x[i + e]) - centre) * factor;
      s[e] += v[i + e] * 0.0;
    }
  for (; i < rows; ++i) {
    v[i] = (static_cast<double>(x[i]) - centre) * factor;
    s[0] += v[i] * 0.0;
  }
  return ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7])) == 0.0;
}

ML_FOR_EACH_PROCESSOR bool fill_scaled(const double* x, double centre, double factor, int rows, double* v) {
  return scaled(x, centre, factor, rows, v);
}

template <class T>
bool fill_scaled(const T* x, double centre, double factor, int rows, double* v) {
  return scaled(x, centre, factor, rows, v);
}

ML_FOR_EACH_PROCESSOR double dot(const double* a, const double* b, int rows) {
  double s[8] = {};
  int i = 0;
  for (; i + 8 <= rows; i += 8)
    for (int e = 0; e < 8; ++e) s[e] += a[i + e] * b[i + e];
  for (; i < rows; ++i) s[0] += a[i] * b[i];
  return ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]));
}

// Rows in random order touch pages in random order: large pages save most look-ups of addresses.
void ask_for_huge_pages(void* block, std::size_t bytes) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  constexpr std::size_t huge = std::size_t{1} << 21;
  void* begin = block;
  std::size_t space = bytes;
  if (std::align(huge, huge, begin, space)) madvise(begin, space / huge * huge, MADV_HUGEPAGE);
#else
  static_cast<void>(block), static_cast<void>(bytes);
#endif
}

// Eight sums at once, in whatever registers the processor has; no alignment is taken for granted.
template <int S>
struct Lanes {
  typedef double type __attribute__((vector_size(S * sizeof(double)), aligned(sizeof(double)), may_alias));
};

// Adds the rows of a tile to the sums of their levels. `wide` numbers are taken at once, `S` in all.
template <int S, int wide>
[[gnu::always_inline]] inline void scatter(const double* tile, const std::int32_t* number, int rows, double* sums) {
  using V = typename Lanes<wide>::type;
  for (int i = 0; i < rows; ++i) {
    V* g = reinterpret_cast<V*>(sums + static_cast<std::int64_t>(number[i]) * S);
    const V* t = reinterpret_cast<const V*>(tile + static_cast<std::size_t>(i) * S);
    for (int e = 0; e < S / wide; ++e) g[e] += t[e];
  }
}

// The same where most rows are of the level of the row before: a run is summed first.
template <int S, int wide>
[[gnu::always_inline]] inline void scatter_runs(const double* tile, const std::int32_t* number, int rows, double* sums) {
  using V = typename Lanes<wide>::type;
  const V* t = reinterpret_cast<const V*>(tile);
  for (int i = 0; i < rows;) {
    const std::int32_t level = number[i];
    V s[S / wide];
    for (int e = 0; e < S / wide; ++e) s[e] = *t++;
    for (++i; i < rows && number[i] == level; ++i)
      for (int e = 0; e < S / wide; ++e) s[e] += *t++;
    V* g = reinterpret_cast<V*>(sums + static_cast<std::int64_t>(level) * S);
    for (int e = 0; e < S / wide; ++e) g[e] += s[e];
  }
}

// clang-format off
#define ML_SCATTER(S, wide)                                                                                             \
  ML_FOR_EACH_PROCESSOR void scatter_##S(const double* tile, const std::int32_t* number, int rows, double* sums) {      \
    scatter<S, wide>(tile, number, rows, sums);                                                                         \
  }                                                                                                                     \
  ML_FOR_EACH_PROCESSOR void scatter_runs_##S(const double* tile, const std::int32_t* number, int rows, double* sums) { \
    scatter_runs<S, wide>(tile, number, rows, sums);                                                                    \
  }
ML_SCATTER(1, 1)
ML_SCATTER(2, 2)
ML_SCATTER(4, 4)
ML_SCATTER(8, 8)
ML_SCATTER(16, 8)
ML_SCATTER(24, 8)
#undef ML_SCATTER
// clang-format on

// The products of a block's rows, row-major; on the way the sums that the rows belong to are fetched.
ML_FOR_EACH_PROCESSOR void fill_tile(const double* const* left, const double* const* right, int products, int rows, int stride,
                                     double* tile, const std::int32_t* number, const double* sums) {
  using V = Lanes<8>::type;
  int i = 0;
  for (; i + 8 <= rows; i += 8) {
    for (int e = 0; e < 8; ++e) __builtin_prefetch(sums + static_cast<std::int64_t>(number[i + e]) * stride, 1);
    double* to = tile + static_cast<std::size_t>(i) * stride;
    for (int s = 0; s < products; ++s) {
      const V product = *reinterpret_cast<const V*>(left[s] + i) * *reinterpret_cast<const V*>(right[s] + i);
      for (int e = 0; e < 8; ++e) to[static_cast<std::size_t>(e) * stride + s] = product[e];
    }
  }
  for (; i < rows; ++i)
    for (int s = 0; s < products; ++s) tile[static_cast<std::size_t>(i) * stride + s] = left[s][i] * right[s][i];
}

void scatter_wide(const double* tile, const std::int32_t* number, int rows, int stride, double* sums) {
  for (int i = 0; i < rows; ++i) {
    double* g = sums + static_cast<std::int64_t>(number[i]) * stride;
    const double* t = tile + static_cast<std::size_t>(i) * stride;
    for (int e = 0; e < stride; ++e) g[e] += t[e];
  }
}

ML_FOR_EACH_PROCESSOR int changes(const std::int32_t* number, int rows) {
  int found = 0;
  for (int i = 1; i < rows; ++i) found += number[i] != number[i - 1];
  return found;
}

}  // namespace

LevelSums::LevelSums(int products, std::int64_t levels) : stride_(padded(products)) { require_levels(levels); }

LevelSums::LevelSums(LevelSums&& other) noexcept
    : stride_(other.stride_), levels_(other.levels_), capacity_(other.capacity_), block_(other.block_), data_(other.data_) {
  other.block_ = nullptr;
  other.data_ = nullptr;
  other.levels_ = other.capacity_ = 0;
}

LevelSums::~LevelSums() { std::free(block_); }

void LevelSums::release() {
  std::free(block_);
  block_ = nullptr;
  data_ = nullptr;
  levels_ = capacity_ = 0;
}

void LevelSums::require_levels(std::int64_t levels) {
  if (levels > capacity_) allocate(capacity_ == 0 ? levels : std::max(levels, capacity_ + capacity_ / 2));
  levels_ = std::max(levels, levels_);
}

// Pages that no row touches are never filled: calloc gives large blocks as zero pages.
void LevelSums::allocate(std::int64_t capacity) {
  const std::size_t bytes = static_cast<std::size_t>(capacity) * stride_ * sizeof(double) + line;
  void* block = std::calloc(bytes, 1);
  if (!block) throw std::bad_alloc();
  ask_for_huge_pages(block, bytes);
  void* aligned = block;
  std::size_t space = line + sizeof(double);
  std::align(line, sizeof(double), aligned, space);
  auto* data = static_cast<double*>(aligned);
  if (data_) std::memcpy(data, data_, static_cast<std::size_t>(levels_) * stride_ * sizeof(double));
  std::free(block_);
  block_ = block;
  data_ = data;
  capacity_ = capacity;
}

Stream::Stream(StreamPlan plan) : plan_(std::move(plan)) {
  codes_.resize(plan_.keys.size());
  numbers_.resize(plan_.factors.size());
  for (auto& codes : codes_) codes.resize(block_rows);
  for (const FactorPlan& factor : plan_.factors) {
    const KeyColumn& first = plan_.keys[factor.keys[0]];
    sums_.emplace_back(static_cast<int>(factor.products.size()), factor.keys.size() == 1 ? first.size : 0);
    joined_.emplace_back(factor.keys.size() - 1);
    left_.resize(std::max(left_.size(), factor.products.size()));
    right_.resize(left_.size());
    tiles_.emplace_back(static_cast<std::size_t>(block_rows) * sums_.back().stride(), 0.0);
  }
  for (auto& numbers : numbers_) numbers.resize(block_rows);
  for (const PairPlan& pair : plan_.pairs) pairs_.emplace_back(static_cast<int>(pair.zf.size() * pair.zg.size()));
  total_.assign(plan_.direct.size(), 0.0);
  carry_ = total_;
  missing_.assign(plan_.columns, 0);
  infinite_ = missing_;
  values_.resize(static_cast<std::size_t>(plan_.columns) * block_rows);
}

void Stream::add(std::int64_t rows, const std::vector<StreamColumn>& columns, const std::vector<Typed>& keys,
                 const double* root) {
  for (std::int64_t begin = 0; begin < rows; begin += block_rows) {
    const int kept =
        fill_block(begin, static_cast<int>(std::min<std::int64_t>(block_rows, rows - begin)), columns, keys, root);
    for (std::size_t f = 0; f < sums_.size(); ++f) {
      number_levels(kept, f);
      add_levels(kept, f);
    }
    for (std::size_t p = 0; p < pairs_.size(); ++p) add_pairs(kept, p);
    add_direct(kept);
    rows_ += kept;
  }
}

int Stream::fill_block(std::int64_t begin, int rows, const std::vector<StreamColumn>& columns,
                       const std::vector<Typed>& keys, const double* root) {
  for (std::size_t k = 0; k < keys.size(); ++k)
    with_type(keys[k], begin, [&](const auto* x) { plan_.keys[k].fill(x, rows, codes_[k].data()); });
  double* constant = column(0);
  for (int i = 0; i < rows; ++i) constant[i] = root ? root[begin + i] : 1.0;
  bool finite = true;
  for (std::size_t c = 1; c <= columns.size(); ++c) {
    const double centre = columns[c - 1].centre, factor = columns[c - 1].factor;
    double* v = column(static_cast<int>(c));
    bool whole = true;
    with_type(columns[c - 1].source, begin, [&](const auto* x) { whole = fill_scaled(x, centre, factor, rows, v); });
    if (!whole)
      for (int i = 0; i < rows; ++i) {
        missing_[c] += std::isnan(v[i]);
        infinite_[c] += std::isinf(v[i]);
      }
    if (root)
      for (int i = 0; i < rows; ++i) v[i] *= constant[i];
    finite = finite && whole;
  }
  return finite ? rows : drop_missing(rows);
}

int Stream::drop_missing(int rows) {
  int kept = 0;
  for (int i = 0; i < rows; ++i) {
    bool whole = true;
    for (int c = 1; c < plan_.columns; ++c) whole = whole && !std::isnan(column(c)[i]);
    if (!whole) continue;
    for (int c = 0; c < plan_.columns; ++c) column(c)[kept] = column(c)[i];
    for (auto& codes : codes_) codes[kept] = codes[i];
    ++kept;
  }
  return kept;
}

void Stream::number_levels(int rows, std::size_t f) {
  const std::vector<int>& keys = plan_.factors[f].keys;
  std::int32_t* number = numbers_[f].data();
  std::copy(codes_[keys[0]].begin(), codes_[keys[0]].begin() + rows, number);
  for (std::size_t k = 1; k < keys.size(); ++k) {
    const std::int32_t* next = codes_[keys[k]].data();
    KeyNumbers& joined = joined_[f][k - 1];
    for (int i = 0; i < rows; ++i) joined.prefetch(PairSums::key(number[i], next[i]));
    for (int i = 0; i < rows; ++i) number[i] = joined.number(PairSums::key(number[i], next[i]));
  }
  sums_[f].require_levels(levels(f));
}

std::int64_t Stream::levels(std::size_t f) const {
  return joined_[f].empty() ? plan_.keys[plan_.factors[f].keys[0]].levels() : joined_[f].back().size();
}

void Stream::add_levels(int rows, std::size_t f) {
  const std::vector<Product>& products = plan_.factors[f].products;
  const int stride = sums_[f].stride();
  double *tile = tiles_[f].data(), *sums = sums_[f].level(0);
  const std::int32_t* number = numbers_[f].data();
  for (std::size_t s = 0; s < products.size(); ++s) {
    left_[s] = column(products[s].first);
    right_[s] = column(products[s].second);
  }
  fill_tile(left_.data(), right_.data(), static_cast<int>(products.size()), rows, stride, tile, number, sums);
  const bool runs = 4 * changes(number, rows) < rows;
  switch (stride) {
    case 1: return (runs ? scatter_runs_1 : scatter_1)(tile, number, rows, sums);
    case 2: return (runs ? scatter_runs_2 : scatter_2)(tile, number, rows, sums);
    case 4: return (runs ? scatter_runs_4 : scatter_4)(tile, number, rows, sums);
    case 8: return (runs ? scatter_runs_8 : scatter_8)(tile, number, rows, sums);
    case 16: return (runs ? scatter_runs_16 : scatter_16)(tile, number, rows, sums);
    case 24: return (runs ? scatter_runs_24 : scatter_24)(tile, number, rows, sums);
    default: scatter_wide(tile, number, rows, stride, sums);
  }
}

void Stream::add_pairs(int rows, std::size_t p) {
  const PairPlan& plan = plan_.pairs[p];
  const std::int32_t *f = numbers_[plan.f].data(), *g = numbers_[plan.g].data();
  constexpr int ahead = 16;
  for (int i = 0; i < std::min(rows, ahead); ++i) pairs_[p].prefetch(PairSums::key(f[i], g[i]));
  for (int i = 0; i < rows; ++i) {
    if (i + ahead < rows) pairs_[p].prefetch(PairSums::key(f[i + ahead], g[i + ahead]));
    double* s = pairs_[p].at(PairSums::key(f[i], g[i]));
    for (const int a : plan.zf)
      for (const int b : plan.zg) *s++ += column(a)[i] * column(b)[i];
  }
}

void Stream::add_direct(int rows) {
  for (std::size_t d = 0; d < total_.size(); ++d)
    add_total(d, dot(column(plan_.direct[d].first), column(plan_.direct[d].second), rows));
}

void Stream::add_total(std::size_t d, double value) {
  const double sum = total_[d] + value;
  carry_[d] += std::abs(total_[d]) >= std::abs(value) ? (total_[d] - sum) + value : (value - sum) + total_[d];
  total_[d] = sum;
}

}  // namespace ml
