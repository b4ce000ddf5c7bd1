// Binding of what is asked of a problem at many points at once; points are shared out among threads.
#include <limits>

#include "arrays.hpp"
#include "problem.hpp"
#include "problem_bindings.hpp"
#include "threads.hpp"

namespace ml {

namespace {

constexpr std::int64_t stretch = 64;        // points of one part
constexpr int most_core_to_copy = 500;      // a larger core has threads of its own in LAPACK

// A copy of the elimination for every thread but the first.
std::vector<std::unique_ptr<Elimination>> copies_of(const Elimination& e, int threads) {
  std::vector<std::unique_ptr<Elimination>> found;
  for (int i = 1; i < threads; ++i) found.push_back(std::make_unique<Elimination>(e));
  return found;
}

int useful_threads(const Elimination& e, std::int64_t n, int threads) {
  return e.core_size() > most_core_to_copy ? 1 : static_cast<int>(std::clamp<std::int64_t>(n / stretch, 1, threads));
}

void reduce_one_by_one(Elimination& e, const double* thetas, std::int64_t n, double* log_det, double* S) {
  const std::size_t r = e.n_columns();
  for (std::int64_t i = 0; i < n; ++i) {
    double* out = S + i * r * r;
    if (!e.reduce(thetas + i * e.layout.n_theta, log_det[i])) {
      log_det[i] = std::numeric_limits<double>::infinity();
      continue;
    }
    const std::vector<double>& D = e.reduced();
    for (std::size_t a = 0; a < r; ++a)
      for (std::size_t b = 0; b <= a; ++b) out[a * r + b] = out[b * r + a] = D[a * r + b];
  }
}

}  // namespace

nb::tuple reductions(Problem& self, const Input2<double>& thetas, int threads) {
  require(thetas.shape(1) == static_cast<std::size_t>(self.layout.n_theta), "thetas must have a column per theta");
  require(threads >= 1, "threads must be 1 or more");
  const std::size_t n = thetas.shape(0), r = self.moments.p + 1, T = self.layout.n_theta;
  std::vector<double> log_det(n), S(n * r * r);
  {
    nb::gil_scoped_release release;
    const std::int64_t total = static_cast<std::int64_t>(n), parts = (total + stretch - 1) / stretch;
    auto shared_out = [&](int workers, const auto& reduce) {
      on_threads(parts, workers, [&](std::int64_t part, int worker) {
        const std::int64_t at = part * stretch;
        reduce(worker, thetas.data() + at * T, std::min(stretch, total - at), log_det.data() + at, S.data() + at * r * r);
      });
    };
    if (const OneFactor* one = self.one_factor()) {
      shared_out(threads, [&](int, auto... where) { one->reduce_many(where...); });
    } else {
      Elimination& e = self.general();
      const int workers = useful_threads(e, total, threads);
      const auto copies = copies_of(e, workers);
      shared_out(workers, [&](int worker, auto... where) {
        reduce_one_by_one(worker == 0 ? e : *copies[worker - 1], where...);
      });
    }
  }
  return nb::make_tuple(to_numpy(std::move(log_det), {n}), to_numpy(std::move(S), {n, r, r}));
}

// A draw of all effects for each row of (theta, beta, sigma): n x total effects. Row i uses stream first + i.
nb::object draw_effects(Problem& self, const Input2<double>& thetas, const Input2<double>& betas,
                        const Input1<double>& sigmas, std::uint64_t seed, std::uint64_t first, int threads) {
  const std::size_t n = thetas.shape(0), T = self.layout.n_theta, p = self.moments.p;
  require(thetas.shape(1) == T && betas.shape(0) == n && betas.shape(1) == p && sigmas.size() == n, "shapes do not fit");
  require(threads >= 1, "threads must be 1 or more");
  std::size_t q = 0;
  for (std::size_t f = 0; f < self.moments.levels.size(); ++f)
    q += static_cast<std::size_t>(self.moments.levels[f]) * self.moments.effects[f];
  std::vector<double> out(n * q);
  std::atomic<bool> defined{true};
  {
    nb::gil_scoped_release release;
    auto shared_out = [&](int workers, const auto& draw) {
      on_threads(static_cast<std::int64_t>(n), workers, [&](std::int64_t i, int worker) {
        Random random(seed, first + i);
        if (defined && !draw(worker, thetas.data() + i * T, betas.data() + i * p, sigmas.data()[i], random, out.data() + i * q))
          defined = false;
      });
    };
    if (const OneFactor* one = self.one_factor()) {
      shared_out(threads, [&](int, auto&&... rest) { return one->draw_effects(rest...); });
    } else {
      Elimination& e = self.general();
      const int workers = useful_threads(e, static_cast<std::int64_t>(n), threads);
      const auto copies = copies_of(e, workers);
      shared_out(workers, [&](int worker, const double* theta, const double* beta, double sigma, Random& random, double* to) {
        Elimination& mine = worker == 0 ? e : *copies[worker - 1];
        double log_det = 0.0;
        if (!mine.reduce(theta, log_det)) return false;
        mine.draw_effects(beta, sigma, random, to);
        return true;
      });
    }
  }
  if (!defined) throw std::domain_error("the elimination is not defined at one of these thetas");
  return to_numpy(std::move(out), {n, q});
}

}  // namespace ml
