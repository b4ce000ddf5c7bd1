# Reading a set, R's names of columns in the library's words, and numbers as they are written; for every make.R.

# ---- data -----------------------------------------------------------------------------------------------------------

# Read a set; the columns named in TEXT become factors with their levels in code-point order.
read_set <- function(set) {
  paths <- file.path(c(here, bundled, bundled), paste0(set, c(".csv", ".csv", ".csv.gz")))
  rows <- read.csv(paths[file.exists(paths)][1], colClasses = NA, na.strings = "NA")
  for (column in intersect(TEXT[[set]], names(rows))) rows[[column]] <- factor(as.character(rows[[column]]))
  rows
}

# Add what a model needs beside the set: given columns, 0/1 codings, missing values.
prepare <- function(rows, spec) {
  for (name in names(spec$columns)) rows[[name]] <- spec$columns[[name]]
  for (name in names(spec$recode)) rows[[name]] <- as.numeric(rows[[spec$recode[[name]][1]]] == spec$recode[[name]][2])
  for (name in names(spec$missing)) rows[spec$missing[[name]] + 1, name] <- NA
  rows
}

# ---- names ----------------------------------------------------------------------------------------------------------

# Translate R's names of model columns to the library's. `full`: the factor that is coded without a reference level.
translate <- function(names_r, rows, spec, full = "") {
  is_factor <- names(rows)[sapply(rows, is.factor)]
  part <- function(text) {
    for (f in is_factor) {
      level <- sub(f, "", text, fixed = TRUE)
      if (startsWith(text, f) && level %in% levels(rows[[f]]))
        return(if (f == full) sprintf("%s[%s]", f, level) else sprintf("%s[T.%s]", f, level))
    }
    sub("^(poly\\(.*\\))(\\d+)$", "\\1[\\2]", sub("(Intercept)", "Intercept", text, fixed = TRUE))
  }
  one <- function(text) {
    if (text %in% names(spec$names)) return(spec$names[[text]])
    paste(sapply(strsplit(text, ":", fixed = TRUE)[[1]], part), collapse = ":")
  }
  unname(sapply(names_r, one))
}

# ---- writing --------------------------------------------------------------------------------------------------------

# Round vectors to twelve significant digits, single numbers to fifteen, and leave out what is empty.
shorten <- function(x) {
  if (is.data.frame(x) || (is.matrix(x) && is.numeric(x)) || is.double(x)) {
    x[] <- if (is.list(x)) lapply(x, shorten) else signif(x, if (length(x) == 1) 15 else 12)
    return(x)
  }
  if (is.list(x)) lapply(Filter(Negate(is.null), x), shorten) else x
}
