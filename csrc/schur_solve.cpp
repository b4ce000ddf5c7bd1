// Conjugate gradients for many right sides at once, each with its own end.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "schur.hpp"
#include "threads.hpp"

namespace ml {

namespace {

// Keeps some columns of a row-major array.
void keep_columns(std::vector<double>& v, std::int64_t rows, int width, const std::vector<int>& kept) {
  const int w = static_cast<int>(kept.size());
  for (std::int64_t i = 0; i < rows; ++i)
    for (int c = 0; c < w; ++c) v[i * w + c] = v[i * width + kept[c]];
  v.resize(rows * w);
}

void add_dots(const double* u, const double* v, std::int64_t lo, std::int64_t hi, int width, double* sum) {
  for (std::int64_t i = lo; i < hi; ++i)
    for (int c = 0; c < width; ++c) sum[c] += u[i * width + c] * v[i * width + c];
}

}  // namespace

// The columns that are still being solved, side by side; those that are done move to the solution.
class Recurrence {
 public:
  Recurrence(const SchurSystem& system, const double* b, const double* x0, int s, double tolerance)
      : system_(system), n_(system.core_), s_(s), squared_(tolerance * tolerance), column_(s), done_(s, 0) {
    out.x.assign(n_ * s, 0.0);
    out.residual.assign(b, b + n_ * s);
    out.iterations.assign(s, 0);
    out.relative.assign(s, 0.0);
    std::iota(column_.begin(), column_.end(), 0);
    z_.resize(n_ * s);
    Sp_.resize(n_ * s);
    r_ = out.residual;
    size_ = precondition(nullptr);
    x_ = out.x;
    if (x0 != nullptr) {
      std::copy(x0, x0 + n_ * s, x_.begin());
      system_.multiply(x0, s, Sp_.data());
      for (std::int64_t i = 0; i < n_ * s; ++i) r_[i] -= Sp_[i];
    }
    rz_ = precondition(nullptr);
    p_ = z_;
    close();
  }

  int width() const { return static_cast<int>(column_.size()); }

  void step(bool coefficients) {
    const int w = width();
    system_.multiply(p_.data(), w, Sp_.data());
    const std::vector<double> curve = over_parts([&](std::int64_t, std::int64_t lo, std::int64_t hi, double* sum) {
      add_dots(p_.data(), Sp_.data(), lo, hi, w, sum);
    });
    std::vector<double> alpha(w, 0.0), beta(w, 0.0);
    for (int c = 0; c < w; ++c) {
      if (!(curve[c] > 0.0)) done_[c] = 1;  // rounding has left nothing to gain
      if (!done_[c]) alpha[c] = rz_[c] / curve[c];
    }
    const std::vector<double> rz = precondition(&alpha);
    for (int c = 0; c < w; ++c) {
      if (done_[c]) continue;
      beta[c] = rz[c] / rz_[c];
      rz_[c] = rz[c];
      ++out.iterations[column_[c]];
    }
    if (coefficients) record(alpha, beta);
    over_parts([&](std::int64_t, std::int64_t lo, std::int64_t hi, double*) {
      for (std::int64_t i = lo; i < hi; ++i)
        for (int c = 0; c < w; ++c) p_[i * w + c] = z_[i * w + c] + beta[c] * p_[i * w + c];
    });
    close();
  }

  void finish() {
    for (int c = 0; c < width(); ++c) move_out(c);
  }

  SchurSolution out;

 private:
  // Sums over the rows of each part, then over the parts in order: the same bits on any number of threads.
  template <class Work>
  std::vector<double> over_parts(const Work& work) {
    const int w = width();
    const auto parts = static_cast<std::int64_t>(system_.core_parts_.size());
    std::vector<double> partial(parts * w, 0.0), sum(w, 0.0);
    on_threads(parts, system_.threads_for(w), [&](std::int64_t part, int) {
      const SchurSystem::CoreFactor& here = system_.core_list_[system_.core_parts_[part].first];
      const std::int64_t i = system_.core_parts_[part].second;
      work(part, here.at + here.limits[i] * here.k, here.at + here.limits[i + 1] * here.k, partial.data() + part * w);
    });
    for (std::int64_t part = 0; part < parts; ++part)
      for (int c = 0; c < w; ++c) sum[c] += partial[part * w + c];
    return sum;
  }

  // After a step of these lengths, if any: z = P^-1 r, and r'z by column.
  std::vector<double> precondition(const std::vector<double>* alpha) {
    const int w = width();
    return over_parts([&](std::int64_t part, std::int64_t lo, std::int64_t hi, double* sum) {
      if (alpha != nullptr)
        for (std::int64_t i = lo; i < hi; ++i)
          for (int c = 0; c < w; ++c) {
            x_[i * w + c] += (*alpha)[c] * p_[i * w + c];
            r_[i * w + c] -= (*alpha)[c] * Sp_[i * w + c];
          }
      system_.solve_blocks(part, r_.data(), w, z_.data());
      add_dots(r_.data(), z_.data(), lo, hi, w, sum);
    });
  }

  void record(const std::vector<double>& alpha, const std::vector<double>& beta) {
    const std::size_t at = out.alpha.size();
    out.alpha.resize(at + s_, std::numeric_limits<double>::quiet_NaN());
    out.beta.resize(at + s_, std::numeric_limits<double>::quiet_NaN());
    for (int c = 0; c < width(); ++c) {
      if (done_[c]) continue;
      out.alpha[at + column_[c]] = alpha[c];
      out.beta[at + column_[c]] = beta[c];
    }
  }

  void move_out(int c) {
    const int to = column_[c], w = width();
    for (std::int64_t i = 0; i < n_; ++i) {
      out.x[i * s_ + to] = x_[i * w + c];
      out.residual[i * s_ + to] = r_[i * w + c];
    }
    out.relative[to] = size_[c] > 0.0 ? std::sqrt(std::max(0.0, rz_[c]) / size_[c]) : 0.0;
  }

  // Columns that are done are left out once they are a fourth of all, or all of them.
  void close() {
    const int w = width();
    int gone = 0;
    for (int c = 0; c < w; ++c) {
      if (!(rz_[c] > squared_ * size_[c])) done_[c] = 1;
      gone += done_[c];
    }
    if (gone == 0 || (gone < w && 4 * gone < w)) return;
    std::vector<int> kept, column;
    for (int c = 0; c < w; ++c) {
      if (done_[c])
        move_out(c);
      else
        kept.push_back(c);
    }
    for (auto* v : {&x_, &r_, &z_, &p_, &Sp_}) keep_columns(*v, n_, w, kept);
    for (auto* v : {&rz_, &size_}) keep_columns(*v, 1, w, kept);
    for (int c : kept) column.push_back(column_[c]);
    column_ = column;
    done_.assign(kept.size(), 0);
  }

  const SchurSystem& system_;
  std::int64_t n_;
  int s_;
  double squared_;
  std::vector<int> column_;                    // number of each in the caller's arrays
  std::vector<char> done_;
  std::vector<double> x_, r_, z_, p_, Sp_;     // core x width
  std::vector<double> rz_, size_;              // by column: r'P^-1 r; b'P^-1 b
};

SchurSolution SchurSystem::solve(const double* b, const double* x0, int s, double tolerance, int limit,
                                 bool coefficients) const {
  Recurrence run(*this, b, x0, s, tolerance);
  for (int i = 0; i < limit && run.width() > 0; ++i) run.step(coefficients);
  run.finish();
  return std::move(run.out);
}

}  // namespace ml
