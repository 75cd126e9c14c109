# Milliseconds for one agency's index by line with R's survey, on raw rows: guarded.R FILE.csv
suppressPackageStartupMessages(library(survey))
options(survey.lonely.psu = "adjust")
rows <- read.csv(commandArgs(TRUE)[1])
rows$good <- as.numeric(rows$rating >= 4)
started <- Sys.time()
design <- svydesign(ids = ~1, strata = ~cell, fpc = ~finished, data = rows)
found <- svyby(~good, ~line, design, svymean)
cat(as.numeric(difftime(Sys.time(), started, units = "secs")) * 1000)
