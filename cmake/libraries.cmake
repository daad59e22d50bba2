# SPDX-License-Identifier: Apache-2.0
# Every library that the house did not build, each behind one interface target.
find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(fmt REQUIRED)
find_package(CURL REQUIRED)
find_package(PkgConfig REQUIRED)

# Debian keeps Boost 1.81 beside its default 1.74; both put their headers under
# /usr/include/boost, so the newer development package replaces the older one.
find_package(Boost 1.81 REQUIRED COMPONENTS json url system)

pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3)
pkg_check_modules(PQ REQUIRED IMPORTED_TARGET libpq)
pkg_check_modules(YAML_CPP REQUIRED IMPORTED_TARGET yaml-cpp)
pkg_check_modules(CMARK REQUIRED IMPORTED_TARGET libcmark)
pkg_check_modules(RE2 REQUIRED IMPORTED_TARGET re2)
pkg_check_modules(EXPAT REQUIRED IMPORTED_TARGET expat)
pkg_check_modules(ZIP REQUIRED IMPORTED_TARGET libzip)
pkg_check_modules(ICAL REQUIRED IMPORTED_TARGET libical)

find_library(JQ_LIBRARY jq REQUIRED)
find_library(ONIG_LIBRARY onig)
find_library(JEMALLOC_LIBRARY jemalloc REQUIRED)
# Part of the C library, and always where that is.
find_library(RESOLV_LIBRARY resolv REQUIRED)
find_library(DATE_TZ_LIBRARY date-tz REQUIRED)
find_library(SOCI_CORE_LIBRARY soci_core REQUIRED)
find_library(SOCI_SQLITE_LIBRARY soci_sqlite3 REQUIRED)
find_library(SOCI_POSTGRESQL_LIBRARY soci_postgresql REQUIRED)
