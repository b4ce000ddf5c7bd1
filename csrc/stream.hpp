// Cross-products by group of rows that come batch by batch; sums of one stream can be added to those of another.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "stream_keys.hpp"
#include "stream_pairs.hpp"

namespace ml {

// A column of a batch in its own type.
struct Typed {
  enum class Type { f8, f4, i8, i4, i2, i1, u4, u2, u1 };
  const void* data = nullptr;
  Type type = Type::f8;
};

// Column 0 is the constant; column c > 0 is (source - centre) * factor; both times the root of the row's weight.
struct StreamColumn {
  Typed source;
  double centre = 0.0, factor = 1.0;
};

using Product = std::pair<int, int>;  // numbers of two columns

struct FactorPlan {
  std::vector<int> keys;  // key columns
  std::vector<Product> products;  // the first is (0, 0): positive where a level has rows
};

struct PairPlan {
  int f = 0, g = 0;
  std::vector<int> zf, zg;  // columns of the effects
};

struct StreamPlan {
  int columns = 1;  // the constant too
  std::vector<KeyColumn> keys;
  std::vector<FactorPlan> factors;
  std::vector<Product> direct;  // products summed over all rows
  std::vector<PairPlan> pairs;
};

// Sums of one factor's products by level: `stride` numbers a level, in cache lines of their own where that is cheap.
class LevelSums {
 public:
  LevelSums(int products, std::int64_t levels);
  ~LevelSums();
  LevelSums(LevelSums&& other) noexcept;
  LevelSums(const LevelSums&) = delete;
  LevelSums& operator=(const LevelSums&) = delete;
  LevelSums& operator=(LevelSums&&) = delete;

  int stride() const { return stride_; }
  std::int64_t levels() const { return levels_; }
  double* level(std::int64_t number) const { return data_ + number * stride_; }
  void require_levels(std::int64_t levels);
  void release();

 private:
  void allocate(std::int64_t capacity);
  int stride_;
  std::int64_t levels_ = 0, capacity_ = 0;
  void* block_ = nullptr;
  double* data_ = nullptr;
};

class Stream {
 public:
  explicit Stream(StreamPlan plan);
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  const StreamPlan& plan() const { return plan_; }
  std::int64_t rows() const { return rows_; }
  const std::vector<std::int64_t>& missing() const { return missing_; }
  const std::vector<std::int64_t>& infinite() const { return infinite_; }

  // Rows with a NaN in a column are left out and counted, infinite values too.
  void add(std::int64_t rows, const std::vector<StreamColumn>& columns, const std::vector<Typed>& keys, const double* root);
  // Adds the sums of another stream of the same plan and empties it. codes: what the other's key is here, by key column of kind `codes`.
  void merge(Stream& other, const std::vector<std::span<const std::int64_t>>& codes);

  // Levels of a factor that have rows: keys of each of its columns, and the sums of its products.
  std::int64_t factor(int f, std::vector<std::vector<std::int64_t>>& keys, std::vector<double>& sums);
  // Pairs of such levels that share a row; the table is empty afterwards.
  void pair(int number, std::vector<std::int32_t>& f, std::vector<std::int32_t>& g, std::vector<double>& sums);
  std::vector<double> direct() const;

 private:
  int fill_block(std::int64_t begin, int rows, const std::vector<StreamColumn>& columns, const std::vector<Typed>& keys,
                 const double* root);
  int drop_missing(int rows);
  void number_levels(int rows, std::size_t f);
  void add_levels(int rows, std::size_t f);
  void add_pairs(int rows, std::size_t p);
  void add_direct(int rows);
  void add_total(std::size_t d, double value);
  std::vector<std::vector<std::int32_t>> level_maps(const Stream& other, const std::vector<std::span<const std::int64_t>>& codes);
  std::int64_t levels(std::size_t f) const;
  std::vector<std::int32_t> ranks(std::size_t f) const;
  double* column(int c) { return values_.data() + static_cast<std::size_t>(c) * block_rows; }

  static constexpr int block_rows = 256;

  StreamPlan plan_;
  std::vector<LevelSums> sums_;
  std::vector<std::vector<KeyNumbers>> joined_;  // by factor, one for each key column after the first
  std::vector<PairSums> pairs_;
  std::vector<double> total_, carry_;  // Neumaier's sums of the direct products
  std::int64_t rows_ = 0;
  std::vector<std::int64_t> missing_, infinite_;
  std::vector<double> values_;
  std::vector<const double*> left_, right_;  // columns of a factor's products
  std::vector<std::vector<double>> tiles_;  // by factor: rows x stride
  std::vector<std::vector<std::int32_t>> codes_, numbers_;  // by key column, by factor
};

}  // namespace ml
