"""The catalogue of the bundled data sets: which columns are labels, and where the data come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DataSet:
    """One bundled data set.

    Parameters
    ----------
    file
        Name of its file.
    title
        One line.
    labels
        Columns that are labels, not numbers.
    source
        Citation.
    """

    file: str
    title: str
    labels: tuple[str, ...]
    source: str

    @property
    def name(self) -> str:
        """The name by which it is loaded."""
        return self.file.partition(".")[0]


_DAVIES = (
    "O. L. Davies and P. L. Goldsmith (eds), Statistical Methods in Research and Production, 4th ed., "
    "Oliver and Boyd (1972)"
)
_PINHEIRO = (
    "J. C. Pinheiro and D. M. Bates, Mixed-Effects Models in S and S-PLUS, Springer (2000), appendix A"
)

_ALL = (
    DataSet(
        "cafes.csv",
        "Waiting times of a simulated coffee robot in 20 cafes, morning and afternoon",
        ("cafe",),
        "simulated by the recipe and seeds of R. McElreath, Statistical Rethinking, 2nd ed. (2020), ch. 14",
    ),
    DataSet(
        "cake.csv",
        "Breakage angle of chocolate cakes by recipe and baking temperature",
        ("replicate", "recipe", "temperature"),
        "F. E. Cook, Chocolate cake, I. Optimum baking temperature, Master's thesis, Iowa State College "
        "(1938); W. G. Cochran and G. M. Cox, Experimental Designs, 2nd ed., Wiley (1957), p. 300",
    ),
    DataSet(
        "cbpp.csv",
        "Contagious bovine pleuropneumonia: new cases in herds by period",
        ("herd", "period"),
        "M. Lesnoff et al., Within-herd spread of contagious bovine pleuropneumonia in Ethiopian highlands, "
        "Preventive Veterinary Medicine 64 (2004), 27-40",
    ),
    DataSet(
        "contraception.csv.gz",
        "Contraceptive use of women in districts of Bangladesh",
        ("woman", "district", "use", "livch", "urban"),
        "F. Steele, I. Diamond and S. Amin, Immunization uptake in rural Bangladesh: a multilevel analysis, "
        "Journal of the Royal Statistical Society A 159 (1996), 289-299",
    ),
    DataSet("dyestuff.csv", "Yield of dyestuff by batch", ("batch",), _DAVIES + ", section 6.4"),
    DataSet(
        "dyestuff2.csv",
        "Simulated yield of dyestuff by batch, with no variation between batches",
        ("batch",),
        "G. E. P. Box and G. C. Tiao, Bayesian Inference in Statistical Analysis, Addison-Wesley (1973), "
        "section 5.1.2",
    ),
    DataSet(
        "eight_schools.csv",
        "Estimated effects of coaching in eight schools, with their standard errors",
        ("school",),
        "D. B. Rubin, Estimation in parallel randomized experiments, Journal of Educational Statistics 6 "
        "(1981), 377-401",
    ),
    DataSet(
        "grouseticks.csv",
        "Numbers of ticks on red grouse chicks by brood, year and location",
        ("index", "brood", "year", "location"),
        "D. A. Elston, R. Moss, T. Boulinier, C. Arrowsmith and X. Lambin, Analysis of aggregation, a worked "
        "example: numbers of ticks on red grouse chicks, Parasitology 122 (2001), 563-569",
    ),
    DataSet(
        "insteval.csv.gz",
        "Lectures rated by students at ETH Zurich: students s, lecturers d, departments",
        ("s", "d", "studage", "lectage", "service", "dept"),
        "university lecture evaluations by students at ETH Zurich, anonymised; distributed with "
        "R package lme4",
    ),
    DataSet(
        "machines.csv",
        "Productivity of six workers on three machines",
        ("worker", "machine"),
        _PINHEIRO + ".14; G. A. Milliken and D. E. Johnson, Analysis of Messy Data, volume I, Chapman and "
        "Hall (1992)",
    ),
    DataSet(
        "mathachieve.csv.gz",
        "Mathematics achievement of students in 160 schools",
        ("school", "minority", "sex"),
        "High School and Beyond survey (1982); distributed with R package nlme; " + _PINHEIRO,
    ),
    DataSet(
        "orthodont.csv",
        "Growth of an orthodontic distance in 27 children",
        ("subject", "sex"),
        _PINHEIRO + ".17; R. F. Potthoff and S. N. Roy, A generalized multivariate analysis of variance "
        "model useful especially for growth curve problems, Biometrika 51 (1964), 313-326",
    ),
    DataSet(
        "ovary.csv",
        "Counts of ovarian follicles of mares over the cycle",
        ("mare",),
        _PINHEIRO + ".18; R. A. Pierson and O. J. Ginther, Follicular population dynamics during the estrus "
        "cycle of the mare, Animal Reproduction Science 14 (1987), 219-231",
    ),
    DataSet(
        "pastes.csv",
        "Strength of a paste by batch and cask",
        ("batch", "cask", "sample"),
        _DAVIES + ", section 6.5",
    ),
    DataSet(
        "penicillin.csv",
        "Zone of growth inhibition by plate and penicillin sample",
        ("plate", "sample"),
        _DAVIES + ", section 6.6",
    ),
    DataSet(
        "sleepstudy.csv",
        "Reaction times of 18 subjects over days of sleep deprivation",
        ("subject",),
        "G. Belenky et al., Patterns of performance degradation and restoration during sleep restriction and "
        "subsequent recovery: a sleep dose-response study, Journal of Sleep Research 12 (2003), 1-12",
    ),
    DataSet(
        "verbagg.csv.gz",
        "Answers to items on verbal aggression",
        ("gender", "item", "resp", "id", "btype", "situ", "mode", "r2"),
        "P. De Boeck and M. Wilson (eds), Explanatory Item Response Models, Springer (2004)",
    ),
)

CATALOGUE: Mapping[str, DataSet] = {entry.name: entry for entry in _ALL}
"""Every bundled data set by its name."""
