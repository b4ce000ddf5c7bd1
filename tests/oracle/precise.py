"""Log densities at extreme points in decimal arithmetic of 90 digits; derivatives by tiny differences.

Log-gamma by Stirling's series after recurrence (Abramowitz and Stegun 1972, 6.1.41), the normal distribution
function by the series of its integral, or by the continued fraction of Mills' ratio (26.2.10, 26.2.14).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal, getcontext
from fractions import Fraction
from functools import cache
from math import comb

getcontext().prec = 90
D = Decimal
Density = Callable[[Sequence[Decimal]], Decimal]
PI = D(
    "3.14159265358979323846264338327950288419716939937510582097494459230781640628620899862803482534211706798"
)
ZERO, STEP = D(0), D("1e-18")


@cache
def _bernoulli(n: int) -> Fraction:
    """Return the Bernoulli number of an index, by the recurrence of their generating function."""
    if n == 0:
        return Fraction(1)
    return -sum((comb(n + 1, k) * _bernoulli(k) for k in range(n)), Fraction(0)) / (n + 1)


def log_gamma(x: Decimal) -> Decimal:
    """Return log Gamma at a positive number."""
    below = D(0)
    while x < 60:
        below += x.ln()
        x += 1
    total = (x - D("0.5")) * x.ln() - x + (2 * PI).ln() / 2
    for k in range(1, 30):
        B = _bernoulli(2 * k)
        total += D(B.numerator) / D(B.denominator) / (2 * k * (2 * k - 1)) / x ** (2 * k - 1)
    return total - below


def log_normal_cdf(x: Decimal) -> Decimal:
    """Return the log of the normal distribution function."""
    if x > 0:
        return (1 - log_normal_cdf(-x).exp()).ln()
    density = (-x * x / 2).exp() / (2 * PI).sqrt()
    if x > -9:
        term = total = -x
        for k in range(1, 400):
            term *= x * x / (2 * k + 1)
            total += term
        return (D("0.5") - density * total).ln()
    ratio = -x
    for k in range(1500, 0, -1):
        ratio = -x + k / ratio
    return (density / ratio).ln()


def softplus(x: Decimal) -> Decimal:
    """Return log(1 + e^x)."""
    return (1 + x.exp()).ln()


def share(link: str, eta: Decimal) -> tuple[Decimal, Decimal]:
    """Return log mu and log(1 - mu)."""
    if link == "logit":
        return -softplus(-eta), -softplus(eta)
    if link == "probit":
        return log_normal_cdf(eta), log_normal_cdf(-eta)
    return (1 - (-eta.exp()).exp()).ln(), -eta.exp()


def log_density(name: str, link: str, y: Decimal, n: Decimal) -> Density:
    """Return the log density with every constant as a function of eta and the auxiliary numbers."""

    def binomial(v: Sequence[Decimal]) -> Decimal:
        one, other = share(link, v[0])
        return y * one + (n - y) * other + ways(y, n)

    def beta(v: Sequence[Decimal]) -> Decimal:
        one, other, phi = share(link, v[0])[0].exp(), share(link, v[0])[1].exp(), v[1].exp()
        gammas = log_gamma(phi) - log_gamma(phi * one) - log_gamma(phi * other)
        return gammas + (phi * one - 1) * y.ln() + (phi * other - 1) * (1 - y).ln()

    def beta_binomial(v: Sequence[Decimal]) -> Decimal:
        one, other, phi = share(link, v[0])[0].exp(), share(link, v[0])[1].exp(), v[1].exp()
        top = log_gamma(phi * one + y) + log_gamma(phi * other + n - y) + log_gamma(phi)
        bottom = log_gamma(phi * one) + log_gamma(phi * other) + log_gamma(phi + n)
        return top - bottom + ways(y, n)

    def gamma_mixture(size: Decimal, mu: Decimal) -> Decimal:
        gammas = log_gamma(size + y) - log_gamma(size) - log_gamma(y + 1)
        return gammas + size * (size / (size + mu)).ln() + y * (mu / (size + mu)).ln()

    def student(v: Sequence[Decimal]) -> Decimal:
        z, nu = (y - v[0]) / v[1].exp(), v[2].exp()
        gammas = log_gamma((nu + 1) / 2) - log_gamma(nu / 2) - (nu * PI).ln() / 2
        return gammas - v[1] - (nu + 1) / 2 * (1 + z * z / nu).ln()

    def gamma(v: Sequence[Decimal]) -> Decimal:
        shape, rate = (-v[1]).exp(), (-v[1] - v[0]).exp()
        return shape * rate.ln() - log_gamma(shape) + (shape - 1) * y.ln() - rate * y

    def ordinal(v: Sequence[Decimal]) -> Decimal:
        low, high = v[1] - v[0], v[2] - v[0]
        low, high = (-high, -low) if low > 0 else (low, high)
        return (share(link, high)[0].exp() - share(link, low)[0].exp()).ln()

    return {
        "binomial": binomial,
        "poisson": lambda v: y * v[0] - v[0].exp() - log_gamma(y + 1),
        "beta": beta,
        "beta_binomial": beta_binomial,
        "negative_binomial": lambda v: gamma_mixture(v[1].exp(), v[0].exp()),
        "negative_binomial_linear": lambda v: gamma_mixture((v[0] - v[1]).exp(), v[0].exp()),
        "student": student,
        "gamma": gamma,
        "ordinal": ordinal,
    }[name]


def ways(y: Decimal, n: Decimal) -> Decimal:
    """Return log choose(n, y)."""
    return log_gamma(n + 1) - log_gamma(y + 1) - log_gamma(n - y + 1)


def derivatives(f: Density, at: Sequence[float]) -> list[float]:
    """Return f, its three derivatives by eta, then those by each other number and 0 to 2 times eta."""
    x = [D(value) for value in at]

    def by_eta(order: int, place: int = 0, move: Decimal = ZERO) -> Decimal:
        total = D(0)
        for k in range(order + 1):
            moved = list(x)
            moved[place] += move
            moved[0] += (D(order) / 2 - k) * STEP
            total += (-1) ** k * comb(order, k) * f(moved)
        return total / STEP**order

    found = [by_eta(order) for order in range(4)]
    for place in range(1, len(x)):
        for order in range(3):
            found.append((by_eta(order, place, STEP) - by_eta(order, place, -STEP)) / (2 * STEP))
    return [float(value) for value in found]
