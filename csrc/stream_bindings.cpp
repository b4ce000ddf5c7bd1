// Binding of streamed cross-products: plans and batches are checked here.
#include "stream_bindings.hpp"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <string>

#include "arrays.hpp"
#include "stream.hpp"
#include "stream_texts.hpp"

namespace ml {

namespace {

using Any = nb::ndarray<nb::ro, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using KeyTuple = std::tuple<std::string, std::int64_t, std::int64_t>;
using FactorTuple = std::tuple<std::vector<int>, std::vector<Product>>;
using PairTuple = std::tuple<int, int, std::vector<int>, std::vector<int>>;
using ColumnTuple = std::tuple<Any, double, double>;

Typed typed(const Any& values, bool keys) {
  const nb::dlpack::dtype type = values.dtype();
  const auto is = [&](nb::dlpack::dtype_code code, int bits) {
    return type.code == static_cast<std::uint8_t>(code) && type.bits == bits && type.lanes == 1;
  };
  using Code = nb::dlpack::dtype_code;
  using Type = Typed::Type;
  if (!keys && is(Code::Float, 64)) return {values.data(), Type::f8};
  if (!keys && is(Code::Float, 32)) return {values.data(), Type::f4};
  if (is(Code::Int, 64)) return {values.data(), Type::i8};
  if (is(Code::Int, 32)) return {values.data(), Type::i4};
  if (is(Code::Int, 16)) return {values.data(), Type::i2};
  if (is(Code::Int, 8)) return {values.data(), Type::i1};
  if (is(Code::UInt, 32)) return {values.data(), Type::u4};
  if (is(Code::UInt, 16)) return {values.data(), Type::u2};
  if (is(Code::UInt, 8)) return {values.data(), Type::u1};
  throw std::invalid_argument(keys ? "keys must be whole numbers of at most 64 bits"
                                   : "columns must be floats, or whole numbers of at most 64 bits");
}

KeyColumn key_column(const KeyTuple& tuple) {
  const auto& [kind, low, size] = tuple;
  KeyColumn out;
  if (kind == "hashed") return out;
  require(kind == "range" || kind == "codes", "keys are of kind 'range', 'codes' or 'hashed'");
  out.kind = kind == "range" ? KeyColumn::Kind::range : KeyColumn::Kind::codes;
  require(size >= 0 && size <= INT32_MAX, "a range of keys must have at most 2147483647 numbers");
  if (kind == "range") {
    out.low = low;
    out.size = size;
  }
  return out;
}

void require_columns(const std::vector<int>& numbers, int columns) {
  for (const int c : numbers) require(c >= 0 && c < columns, "a column's number is outside the plan");
}

void require_products(const std::vector<Product>& products, int columns) {
  for (const auto& [a, b] : products) require_columns({a, b}, columns);
}

void make(Stream* self, int columns, const std::vector<KeyTuple>& keys, const std::vector<FactorTuple>& factors,
          const std::vector<Product>& direct, const std::vector<PairTuple>& pairs) {
  require(columns >= 1, "the constant is column 0");
  StreamPlan plan;
  plan.columns = columns;
  for (const KeyTuple& key : keys) plan.keys.push_back(key_column(key));
  for (const auto& [of, products] : factors) {
    require(!of.empty(), "a factor needs a key column");
    require_columns(of, static_cast<int>(keys.size()));
    require_products(products, columns);
    require(!products.empty() && products[0] == Product(0, 0), "a factor's first product is (0, 0)");
    plan.factors.push_back({of, products});
  }
  require_products(direct, columns);
  plan.direct = direct;
  for (const auto& [f, g, zf, zg] : pairs) {
    const int m = static_cast<int>(factors.size());
    require(f >= 0 && f < m && g >= 0 && g < m, "a pair's factor is outside the plan");
    require_columns(zf, columns);
    require_columns(zg, columns);
    require(!zf.empty() && !zg.empty(), "a pair needs an effect of each factor");
    plan.pairs.push_back({f, g, zf, zg});
  }
  new (self) Stream(std::move(plan));
}

void add(Stream& self, const std::vector<ColumnTuple>& columns, const std::vector<Any>& keys, std::int64_t rows,
         const std::optional<Input1<double>>& root) {
  require(rows >= 0, "rows must not be negative");
  const auto n = static_cast<std::size_t>(rows);
  require(columns.size() + 1 == static_cast<std::size_t>(self.plan().columns), "as many columns as in the plan, without the constant");
  require(keys.size() == self.plan().keys.size(), "as many key columns as in the plan");
  require(!root || root->size() == n, "root must have one number per row");
  std::vector<StreamColumn> sources;
  for (const auto& [values, centre, factor] : columns) {
    require(values.size() == n, "columns must have one number per row");
    sources.push_back({typed(values, false), centre, factor});
  }
  std::vector<Typed> typed_keys;
  for (const Any& values : keys) {
    require(values.size() == n, "keys must have one number per row");
    typed_keys.push_back(typed(values, true));
  }
  nb::gil_scoped_release release;
  self.add(rows, sources, typed_keys, root ? root->data() : nullptr);
}

void merge(Stream& self, Stream& other, const std::vector<std::optional<Input1<std::int64_t>>>& codes) {
  require(&self != &other, "a stream cannot be added to itself");
  const StreamPlan &here = self.plan(), &there = other.plan();
  require(here.columns == there.columns && here.keys.size() == there.keys.size() && here.direct == there.direct &&
              here.factors.size() == there.factors.size() && here.pairs.size() == there.pairs.size(),
          "the streams must have one plan");
  for (std::size_t f = 0; f < here.factors.size(); ++f)
    require(here.factors[f].keys == there.factors[f].keys && here.factors[f].products == there.factors[f].products,
            "the streams must have one plan");
  require(codes.size() == here.keys.size(), "codes must have one entry per key column");
  std::vector<std::span<const std::int64_t>> spans;
  for (std::size_t k = 0; k < codes.size(); ++k) {
    require(here.keys[k].kind == there.keys[k].kind, "the streams must have one plan");
    const bool needed = there.keys[k].kind == KeyColumn::Kind::codes;
    require(!needed || (codes[k] && codes[k]->size() >= static_cast<std::size_t>(there.keys[k].levels())),
            "codes must have one entry per code of the other stream");
    spans.emplace_back(needed ? codes[k]->data() : nullptr, needed ? codes[k]->size() : 0);
  }
  nb::gil_scoped_release release;
  self.merge(other, spans);
}

nb::tuple factor(Stream& self, int f) {
  require(f >= 0 && f < static_cast<int>(self.plan().factors.size()), "there is no such factor");
  std::vector<std::vector<std::int64_t>> keys;
  std::vector<double> sums;
  std::size_t m = 0;
  {
    nb::gil_scoped_release release;
    m = static_cast<std::size_t>(self.factor(f, keys, sums));
  }
  nb::list labels;
  for (auto& column : keys) labels.append(to_numpy(std::move(column), {m}));
  return nb::make_tuple(labels, to_numpy(std::move(sums), {m, self.plan().factors[f].products.size()}));
}

nb::tuple pair(Stream& self, int number) {
  require(number >= 0 && number < static_cast<int>(self.plan().pairs.size()), "there is no such pair");
  std::vector<std::int32_t> f, g;
  std::vector<double> sums;
  {
    nb::gil_scoped_release release;
    self.pair(number, f, g, sums);
  }
  const PairPlan& plan = self.plan().pairs[number];
  const std::size_t n = f.size();
  return nb::make_tuple(to_numpy(std::move(f), {n}), to_numpy(std::move(g), {n}),
                        to_numpy(std::move(sums), {n, plan.zf.size(), plan.zg.size()}));
}

nb::tuple counts(const Stream& self) {
  const std::size_t c = self.missing().size();
  return nb::make_tuple(self.rows(), to_numpy(to_vector<std::int64_t>(self.missing()), {c}),
                        to_numpy(to_vector<std::int64_t>(self.infinite()), {c}));
}

nb::object direct(const Stream& self) {
  std::vector<double> sums = self.direct();
  const std::size_t n = sums.size();
  return to_numpy(std::move(sums), {n});
}

template <class T>
nb::object text_numbers(TextNumbers& self, const Input1<T>& start, const Input1<std::uint8_t>& bytes) {
  require(start.size() >= 1, "start must have one entry more than there are texts");
  const T* at = start.data();
  const std::size_t n = start.size() - 1;
  bool inside = at[0] >= 0 && static_cast<std::uint64_t>(at[n]) <= bytes.size();
  for (std::size_t i = 0; i < n; ++i) inside = inside && at[i] <= at[i + 1];
  require(inside, "a text is outside the bytes");
  std::vector<std::int64_t> out(n);
  {
    nb::gil_scoped_release release;
    for (std::size_t i = 0; i < n; ++i)
      out[i] = self.number(bytes.data() + at[i], static_cast<std::size_t>(at[i + 1] - at[i]));
  }
  return to_numpy(std::move(out), {n});
}

nb::tuple texts(const TextNumbers& self) {
  const std::size_t n = self.start().size(), size = self.bytes().size();
  return nb::make_tuple(to_numpy(std::vector<std::int64_t>(self.start()), {n}),
                        to_numpy(std::vector<std::uint8_t>(self.bytes()), {size}));
}

}  // namespace

void bind_stream(nb::module_& m) {
  nb::class_<TextNumbers>(m, "TextNumbers")
      .def(nb::init<>())
      .def("numbers", &text_numbers<std::int32_t>, nb::arg("start").noconvert(), nb::arg("bytes"))
      .def("numbers", &text_numbers<std::int64_t>, nb::arg("start"), nb::arg("bytes"))
      .def("texts", &texts);
  nb::class_<Stream>(m, "Stream")
      .def("__init__", &make, nb::arg("columns"), nb::arg("keys"), nb::arg("factors"), nb::arg("direct"), nb::arg("pairs"))
      .def("add", &add, nb::arg("columns"), nb::arg("keys"), nb::arg("rows"), nb::arg("root").none())
      .def("merge", &merge, nb::arg("other"), nb::arg("codes"))
      .def("counts", &counts)
      .def("factor", &factor, nb::arg("f"))
      .def("pair", &pair, nb::arg("number"))
      .def("direct", &direct);
}

}  // namespace ml
