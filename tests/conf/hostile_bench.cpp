// What each kind of hostile file costs until it is refused. Prints a table; judges nothing:
// speed is for benches.
//
//     conf_hostile [MEBIBYTES]    16 by default
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <variant>

#include "conf/config.h"
#include "conf/parse.h"
#include "tests/conf/hostile.h"

using namespace ringway::conf;

int main(int argc, char** argv) {
    const std::size_t mebibytes = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 16;
    double worst = 0;
    std::printf("%-40s %8s %9s  %s\n", "at most so many MiB of", "cpu ms", "KiB read", "last word");
    for (const auto& kind : tests::hostile_kinds()) {
        const std::string text = tests::make(kind, mebibytes << 20);
        const std::clock_t begin = std::clock();
        std::size_t bytes_read = 0;
        const auto result = parse(text, bytes_read);
        const double ms = 1e3 * static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
        const std::string last = result ? "accepted" : result.error().back().to_string("");
        std::printf("%-40s %8.1f %9zu  %s\n", std::string(kind.name).c_str(), ms, bytes_read >> 10,
                    last.substr(0, 80).c_str());
        worst = std::max(worst, ms);
    }
    std::printf("%-40s %8.1f\n", "the worst", worst);
    return 0;
}
