#include <algorithm>
#include <cmath>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include <boost/json/serialize.hpp>
#include <boost/test/unit_test.hpp>

#include "tools/loadgen/cpu_meter.h"
#include "tools/loadgen/histogram.h"
#include "tools/loadgen/random.h"
#include "tools/loadgen/result.h"
#include "tools/loadgen/schedule.h"
#include "tools/loadgen/verify_end.h"

using namespace ringway::loadgen;
using namespace std::chrono_literals;

namespace {

// The percentile's definition, word for word.
std::uint64_t exact_percentile(std::vector<std::uint64_t> values, double percent) {
    std::sort(values.begin(), values.end());
    const double rank = std::ceil(percent / 100 * static_cast<double>(values.size()));
    return values[std::max<std::size_t>(1, static_cast<std::size_t>(rank)) - 1];
}

std::string bytes_of(const Stream& stream, std::uint64_t offset, std::size_t size) {
    std::string bytes(size, '\0');
    stream.fill(offset, bytes);
    return bytes;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(numbers)

BOOST_AUTO_TEST_CASE(percentiles_are_those_of_a_sorted_list_within_a_64th) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        BOOST_TEST_CONTEXT("seed " << seed) {
            Random random(seed);
            Histogram histogram;
            std::vector<std::uint64_t> values(1 + random.below(3'000));
            for (auto& value : values) value = random.size_up_to(std::uint64_t{1} << 39) - 1;
            for (const auto value : values) histogram.add(value);
            for (const double percent : {0.0, 1.0, 50.0, 90.0, 99.0, 99.9, 100.0}) {
                const auto exact = exact_percentile(values, percent);
                BOOST_TEST(histogram.percentile(percent) >= exact);
                BOOST_TEST(histogram.percentile(percent) <= exact + exact / 64);
            }
            BOOST_TEST(histogram.max() == *std::max_element(values.begin(), values.end()));
        }
    }
}

BOOST_AUTO_TEST_CASE(small_values_are_exact) {
    Histogram histogram;
    for (std::uint64_t value = 0; value < 128; ++value) histogram.add(value);
    for (std::uint64_t value = 0; value < 128; ++value) {
        BOOST_TEST(histogram.percentile(static_cast<double>(value + 1) * 100 / 128) == value);
    }
}

BOOST_AUTO_TEST_CASE(values_beyond_the_range_count_and_leave_the_maximum_exact) {
    Histogram histogram;
    histogram.add(5);
    histogram.add(UINT64_MAX / 2);
    BOOST_TEST(histogram.count() == 2u);
    BOOST_TEST(histogram.percentile(50) == 5u);
    BOOST_TEST(histogram.percentile(100) == UINT64_MAX / 2);
}

BOOST_AUTO_TEST_CASE(an_empty_histogram_says_nothing_but_zero) {
    const Histogram histogram;
    BOOST_TEST(histogram.percentile(99) == 0u);
    BOOST_TEST(histogram.mean() == 0);
}

BOOST_AUTO_TEST_CASE(merged_histograms_say_what_one_would_have_said) {
    Random random(7);
    Histogram whole, left, right;
    for (int i = 0; i < 10'000; ++i) {
        const std::uint64_t value = random.size_up_to(1'000'000'000);
        whole.add(value);
        (i % 3 == 0 ? left : right).add(value);
    }
    left.merge(right);
    for (const double percent : {10.0, 50.0, 99.0, 99.99}) {
        BOOST_TEST(left.percentile(percent) == whole.percentile(percent));
    }
    BOOST_TEST(left.mean() == whole.mean(), boost::test_tools::tolerance(1e-9));
}

BOOST_AUTO_TEST_CASE(operations_are_due_at_a_fixed_rate_however_late_they_are_taken) {
    const TimePoint begin{1'000s};
    Schedule schedule(250, begin);
    for (int i = 0; i < 1'000; ++i) BOOST_TEST((schedule.take() == begin + i * 4ms));
    BOOST_TEST((schedule.next() == begin + 4s));
}

BOOST_AUTO_TEST_CASE(a_rate_that_does_not_divide_a_second_does_not_drift) {
    const TimePoint begin{};
    Schedule schedule(3, begin);
    for (int i = 0; i < 3'000'000; ++i) schedule.take();
    BOOST_TEST((schedule.next() - begin >= 1'000'000s - 1us));
    BOOST_TEST((schedule.next() - begin <= 1'000'000s + 1us));
}

BOOST_AUTO_TEST_CASE(a_stream_is_the_same_however_it_is_cut) {
    const Stream stream(42);
    const std::string whole = bytes_of(stream, 0, 1'000);
    Random random(1);
    for (int i = 0; i < 1'000; ++i) {
        const std::uint64_t offset = random.below(1'000);
        const std::size_t size = random.below(1'000 - offset + 1);
        BOOST_TEST(bytes_of(stream, offset, size) == whole.substr(offset, size));
    }
}

BOOST_AUTO_TEST_CASE(streams_of_other_seeds_and_offsets_are_other_bytes) {
    std::set<std::string> seen;
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        for (std::uint64_t offset = 0; offset < 100; ++offset) {
            seen.insert(bytes_of(Stream(seed), offset, 16));
        }
    }
    BOOST_TEST(seen.size() == 10'000u);
}

BOOST_AUTO_TEST_CASE(sizes_stay_within_their_bound_and_reach_every_magnitude) {
    Random random(3);
    std::set<int> magnitudes;
    for (int i = 0; i < 10'000; ++i) {
        const std::uint64_t size = random.size_up_to(1'000);
        BOOST_REQUIRE(size >= 1u);
        BOOST_REQUIRE(size <= 1'000u);
        magnitudes.insert(static_cast<int>(std::bit_width(size)));
    }
    BOOST_TEST(magnitudes.size() == 10u);
}

BOOST_AUTO_TEST_CASE(every_ending_comes_up_and_a_broken_stream_lacks_a_byte) {
    std::set<Ending> endings;
    for (std::uint64_t seed = 0; seed < 1'000; ++seed) {
        const VerifyPlan plan(seed, 4'096);
        endings.insert(plan.ending);
        BOOST_REQUIRE(plan.up_bytes <= 4'096u);
        BOOST_REQUIRE(plan.down_bytes <= 4'096u);
        if (plan.ending == Ending::client_resets && plan.up_bytes > 0) {
            BOOST_REQUIRE(plan.broken_after < plan.up_bytes);
        }
        if (plan.ending == Ending::server_resets && plan.down_bytes > 0) {
            BOOST_REQUIRE(plan.broken_after < plan.down_bytes);
        }
        const auto copy = VerifyHeader::decode(VerifyHeader::encode(plan));
        BOOST_REQUIRE(copy.has_value());
        BOOST_REQUIRE(copy->up_bytes == plan.up_bytes);
        BOOST_REQUIRE(copy->down_bytes == plan.down_bytes);
        BOOST_REQUIRE(copy->broken_after == plan.broken_after);
    }
    BOOST_TEST(endings.size() == 5u);
}

BOOST_AUTO_TEST_CASE(the_meter_tells_work_from_none_and_survives_a_process_that_is_gone) {
    CpuMeter meter(
        {{.name = "self", .pids = {::getpid()}}, {.name = "gone", .pids = {999'999'999}}});
    meter.begin();
    double sum = 0;
    while (meter.end(), meter.used().at("self") == 0) sum += std::sqrt(sum + 1);
    BOOST_TEST(sum >= 0);
    BOOST_TEST(meter.used().at("load") > 0);
    BOOST_TEST(meter.used().at("machine") >= 0);
    BOOST_TEST(meter.used().at("gone") == 0);
}

BOOST_AUTO_TEST_CASE(a_result_tells_its_failures_by_kind) {
    Result result, other;
    result.failures.add(Failure::reset, 2);
    other.failures.add(Failure::timeout);
    other.operations = 5;
    for (std::uint64_t seed = 0; seed < 100; ++seed) other.add_failed_seed(seed);
    result.merge(other);
    result.seconds = 2;
    BOOST_TEST(result.failures.to_line() == "3 (2 reset, 1 timeout)");
    BOOST_TEST(result.failed_seeds.size() < 100u);
    const auto json = to_json({.mode = "connect",
                               .connect = "127.0.0.1:1",
                               .connections = 1,
                               .threads = 1,
                               .rate_wanted = 0,
                               .seed = 0},
                              result);
    BOOST_TEST(boost::json::serialize(json.at("failures")) ==
               R"({"total":3,"reset":2,"timeout":1})");
    BOOST_TEST(json.at("operations_per_second").as_double() == 2.5);
}

BOOST_AUTO_TEST_SUITE_END()
