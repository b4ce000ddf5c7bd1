// Scatter of cross-products by group. Rows go in fixed slabs, so that sums do not depend on the number of threads.
#include "scatter.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <numeric>
#include <thread>

namespace ml {

namespace {

constexpr std::int64_t chunk_rows = 256;
constexpr std::int64_t slab_rows = 1 << 17;

// Rows [begin, end) of all columns, row-major, shifted, scaled and weighted.
void fill_chunk(std::int64_t begin, std::int64_t end, const std::vector<ColumnRef>& columns, const double* root, double* out) {
  const int t = static_cast<int>(columns.size());
  for (int c = 0; c < t; ++c) {
    const double* x = columns[c].data;
    const double centre = columns[c].centre, factor = columns[c].factor;
    double* o = out + c;
    if (root) {
      for (std::int64_t i = begin; i < end; ++i, o += t) *o = (x[i] - centre) * factor * root[i];
    } else {
      for (std::int64_t i = begin; i < end; ++i, o += t) *o = (x[i] - centre) * factor;
    }
  }
}

struct Accumulator {
  std::vector<std::vector<double>> groups;  // by factor: m x (K(K+1)/2 + K r)
  std::vector<double> D;
};

template <int KT>
void scatter_rows(std::int64_t rows, const std::int32_t* index, const double* chunk, int t, int z_at, int xy_at, int k_run,
                  int r, double* groups) {
  const int k = KT > 0 ? KT : k_run;
  const int stride = k * (k + 1) / 2 + k * r;
  for (std::int64_t i = 0; i < rows; ++i) {
    const double *z = chunk + i * t + z_at, *x = chunk + i * t + xy_at;
    double* g = groups + static_cast<std::int64_t>(index[i]) * stride;
    for (int a = 0; a < k; ++a) {
      const double za = z[a];
      for (int b = 0; b <= a; ++b) g[b] += za * z[b];
      g += a + 1;
    }
    for (int a = 0; a < k; ++a) {
      const double za = z[a];
      for (int b = 0; b < r; ++b) g[b] += za * x[b];
      g += r;
    }
  }
}

void scatter_slab(std::int64_t begin, std::int64_t end, const std::vector<FactorRef>& factors,
                  const std::vector<ColumnRef>& columns, int xy_at, int r, const double* root, Accumulator& acc) {
  const int t = static_cast<int>(columns.size());
  std::vector<double> chunk(static_cast<std::size_t>(chunk_rows) * t), D(static_cast<std::size_t>(r) * r);
  for (std::int64_t i = begin; i < end; i += chunk_rows) {
    const std::int64_t rows = std::min(chunk_rows, end - i);
    fill_chunk(i, i + rows, columns, root, chunk.data());
    int z_at = 0;
    for (std::size_t f = 0; f < factors.size(); ++f) {
      const int k = static_cast<int>(factors[f].z.size());
      double* groups = acc.groups[f].data();
      const std::int32_t* index = factors[f].index + i;
      switch (k) {
        case 1: scatter_rows<1>(rows, index, chunk.data(), t, z_at, xy_at, k, r, groups); break;
        case 2: scatter_rows<2>(rows, index, chunk.data(), t, z_at, xy_at, k, r, groups); break;
        case 3: scatter_rows<3>(rows, index, chunk.data(), t, z_at, xy_at, k, r, groups); break;
        default: scatter_rows<0>(rows, index, chunk.data(), t, z_at, xy_at, k, r, groups);
      }
      z_at += k;
    }
    std::fill(D.begin(), D.end(), 0.0);
    for (std::int64_t j = 0; j < rows; ++j) {
      const double* x = chunk.data() + j * t + xy_at;
      for (int a = 0; a < r; ++a)
        for (int b = 0; b <= a; ++b) D[static_cast<std::size_t>(a) * r + b] += x[a] * x[b];
    }
    for (std::size_t e = 0; e < D.size(); ++e) acc.D[e] += D[e];
  }
}

Accumulator empty_accumulator(const std::vector<FactorRef>& factors, int r) {
  Accumulator acc;
  for (const FactorRef& f : factors) {
    const std::int64_t k = static_cast<std::int64_t>(f.z.size());
    acc.groups.emplace_back(f.m * (k * (k + 1) / 2 + k * r), 0.0);
  }
  acc.D.assign(static_cast<std::size_t>(r) * r, 0.0);
  return acc;
}

void add(Accumulator& to, const Accumulator& from) {
  for (std::size_t f = 0; f < to.groups.size(); ++f)
    for (std::size_t e = 0; e < to.groups[f].size(); ++e) to.groups[f][e] += from.groups[f][e];
  for (std::size_t e = 0; e < to.D.size(); ++e) to.D[e] += from.D[e];
}

CrossProducts unpack(const Accumulator& acc, const std::vector<FactorRef>& factors, int r) {
  CrossProducts out;
  for (std::size_t f = 0; f < factors.size(); ++f) {
    const int k = static_cast<int>(factors[f].z.size());
    const std::int64_t m = factors[f].m;
    std::vector<double> A(m * k * k), C(m * k * r);
    const double* g = acc.groups[f].data();
    for (std::int64_t j = 0; j < m; ++j) {
      double* a = A.data() + j * k * k;
      for (int x = 0; x < k; ++x)
        for (int y = 0; y <= x; ++y, ++g) a[x * k + y] = a[y * k + x] = *g;
      std::copy(g, g + k * r, C.data() + j * k * r);
      g += k * r;
    }
    out.A.push_back(std::move(A));
    out.C.push_back(std::move(C));
  }
  out.D = acc.D;
  for (int a = 0; a < r; ++a)
    for (int b = 0; b < a; ++b) out.D[static_cast<std::size_t>(b) * r + a] = out.D[static_cast<std::size_t>(a) * r + b];
  return out;
}

}  // namespace

CrossProducts cross_products(std::int64_t n, const std::vector<FactorRef>& factors, const std::vector<ColumnRef>& xy,
                             const double* root, int threads) {
  const int r = static_cast<int>(xy.size());
  std::vector<ColumnRef> columns;
  for (const FactorRef& f : factors) columns.insert(columns.end(), f.z.begin(), f.z.end());
  const int xy_at = static_cast<int>(columns.size());
  columns.insert(columns.end(), xy.begin(), xy.end());
  Accumulator total = empty_accumulator(factors, r);
  std::int64_t doubles = 0;
  for (const auto& g : total.groups) doubles += static_cast<std::int64_t>(g.size());
  // Few fixed slabs, and only if their accumulators are small beside the rows: else one slab.
  const std::int64_t parts = std::clamp<std::int64_t>(n / slab_rows, 1, 4);
  if (parts == 1 || doubles * parts > 2 * n) {
    scatter_slab(0, n, factors, columns, xy_at, r, root, total);
    return unpack(total, factors, r);
  }
  std::vector<Accumulator> part(parts);
  std::atomic<int> next{0};
  auto work = [&] {
    for (int s = next++; s < parts; s = next++) {
      part[s] = empty_accumulator(factors, r);
      scatter_slab(n * s / parts, n * (s + 1) / parts, factors, columns, xy_at, r, root, part[s]);
    }
  };
  std::vector<std::thread> pool;
  for (int i = 1; i < std::min<std::int64_t>(threads, parts); ++i) pool.emplace_back(work);
  work();
  for (auto& th : pool) th.join();
  for (const Accumulator& p : part) add(total, p);
  return unpack(total, factors, r);
}

void response_products(std::int64_t n, const std::vector<FactorRef>& factors, const std::vector<ColumnRef>& xy,
                       const double* root, std::vector<std::vector<double>>& c, std::vector<double>& d) {
  const int r = static_cast<int>(xy.size());
  const ColumnRef y = xy.back();
  auto row = [&](const ColumnRef& x, std::int64_t i) { return (x.data[i] - x.centre) * x.factor * (root ? root[i] : 1.0); };
  std::vector<double> v(n);
  for (std::int64_t i = 0; i < n; ++i) v[i] = row(y, i);
  c.clear();
  for (const FactorRef& f : factors) {
    const int k = static_cast<int>(f.z.size());
    std::vector<double> out(static_cast<std::int64_t>(f.m) * k, 0.0);
    for (int a = 0; a < k; ++a)
      for (std::int64_t i = 0; i < n; ++i) out[static_cast<std::int64_t>(f.index[i]) * k + a] += row(f.z[a], i) * v[i];
    c.push_back(std::move(out));
  }
  d.assign(r, 0.0);
  for (int j = 0; j < r; ++j)
    for (std::int64_t i = 0; i < n; i += chunk_rows) {
      double s = 0.0;
      for (std::int64_t h = i; h < std::min(n, i + chunk_rows); ++h) s += row(xy[j], h) * v[h];
      d[j] += s;
    }
}

void pair_table(std::int64_t n, const FactorRef& f, const FactorRef& g, const double* root, std::vector<std::int64_t>& start,
                std::vector<std::int32_t>& index, std::vector<double>& value) {
  const int kf = static_cast<int>(f.z.size()), kg = static_cast<int>(g.z.size()), kk = kf * kg;
  std::vector<std::int64_t> row_start(static_cast<std::size_t>(f.m) + 1, 0);
  for (std::int64_t i = 0; i < n; ++i) ++row_start[f.index[i] + 1];
  for (int l = 0; l < f.m; ++l) row_start[l + 1] += row_start[l];
  std::vector<std::int64_t> at(row_start.begin(), row_start.end() - 1), rows(n);
  for (std::int64_t i = 0; i < n; ++i) rows[at[f.index[i]]++] = i;
  std::vector<std::int32_t> stamp(g.m, -1), found;
  std::vector<int> slot(g.m), order;
  std::vector<double> local;
  start.assign(1, 0);
  index.clear();
  value.clear();
  auto entry = [&](const ColumnRef& x, std::int64_t i) { return (x.data[i] - x.centre) * x.factor; };
  for (int l = 0; l < f.m; ++l) {
    found.clear();
    local.clear();
    for (std::int64_t e = row_start[l]; e < row_start[l + 1]; ++e) {
      const std::int64_t i = rows[e];
      const std::int32_t h = g.index[i];
      if (stamp[h] != l) {
        stamp[h] = l;
        slot[h] = static_cast<int>(found.size());
        found.push_back(h);
        local.resize(local.size() + kk, 0.0);
      }
      double* v = local.data() + static_cast<std::size_t>(slot[h]) * kk;
      const double w = root ? root[i] * root[i] : 1.0;
      for (int a = 0; a < kf; ++a) {
        const double za = w * entry(f.z[a], i);
        for (int b = 0; b < kg; ++b) v[a * kg + b] += za * entry(g.z[b], i);
      }
    }
    std::sort(found.begin(), found.end());
    for (std::int32_t h : found) {
      index.push_back(h);
      const double* v = local.data() + static_cast<std::size_t>(slot[h]) * kk;
      value.insert(value.end(), v, v + kk);
    }
    start.push_back(static_cast<std::int64_t>(index.size()));
  }
}

namespace {

constexpr std::int64_t sample_blocks = 256;

// Mean and root mean square deviation over rows [0, n) in steps: `block` rows out of every `stride`.
void moments_of(const double* x, std::int64_t n, std::int64_t block, std::int64_t stride, double& mean, double& deviation) {
  const double first = n > 0 ? x[0] : 0.0;  // shift by a value of the column: no cancellation
  double total = 0.0, squares = 0.0, count = 0.0;
  for (std::int64_t i = 0; i < n; i += stride) {
    const std::int64_t end = std::min(n, i + block);
    double s = 0.0, q = 0.0;
    for (std::int64_t h = i; h < end; ++h) {
      const double d = x[h] - first;
      s += d;
      q += d * d;
    }
    total += s;
    squares += q;
    count += static_cast<double>(end - i);
  }
  const double shift = total / count;
  mean = first + shift;
  double variance = squares / count - shift * shift;
  if (!(variance > 1e-6 * squares / count)) {  // the first value was far out: a second pass
    variance = 0.0;
    for (std::int64_t i = 0; i < n; i += stride)
      for (std::int64_t h = i; h < std::min(n, i + block); ++h) variance += (x[h] - mean) * (x[h] - mean) / count;
  }
  deviation = std::sqrt(std::max(variance, 0.0));
  if (deviation <= 1e-14 * std::abs(mean)) deviation = 0.0;
}

}  // namespace

void column_moments(std::int64_t n, const std::vector<const double*>& columns, double* mean, double* deviation) {
  const std::int64_t stride = std::max(chunk_rows, n / sample_blocks);
  for (std::size_t c = 0; c < columns.size(); ++c) {
    const double* x = columns[c];
    moments_of(x, n, chunk_rows, stride, mean[c], deviation[c]);
    if (deviation[c] > 0.0 || stride == chunk_rows) continue;
    const double first = x[0];  // constant in the sample: constant altogether?
    if (!std::all_of(x, x + n, [first](double v) { return v == first; }))
      moments_of(x, n, chunk_rows, chunk_rows, mean[c], deviation[c]);
  }
}

}  // namespace ml
