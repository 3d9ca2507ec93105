#include "proxy/control/processors.h"

#include <sched.h>

#include <cstddef>
#include <map>
#include <optional>
#include <string>

#include <boost/test/unit_test.hpp>

using namespace ringway;
using proxy::Processors;

namespace {

// Files that are not there, but for these.
using Files = std::map<std::string, std::string>;

std::optional<double> quota(const Files& files) {
    return proxy::cgroup_quota([&](const std::string& path) -> std::optional<std::string> {
        const auto file = files.find(path);
        return file == files.end() ? std::nullopt : std::optional(file->second);
    });
}

constexpr const char* v2_mount =
    "24 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
    "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";
constexpr const char* v1_mount =
    "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
    "32 31 0:30 / /sys/fs/cgroup/cpuset rw shared:9 master:2 - cgroup cgroup rw,cpuset\n"
    "33 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";

}  // namespace

BOOST_AUTO_TEST_SUITE(processors)

BOOST_AUTO_TEST_CASE(there_are_as_many_as_mask_and_quota_allow_and_at_least_one) {
    const auto usable = [](unsigned allowed, std::optional<double> of_time) {
        return Processors{.online = 64, .allowed = allowed, .quota = of_time}.usable();
    };
    BOOST_TEST(usable(8, std::nullopt) == 8u);
    BOOST_TEST(usable(1, std::nullopt) == 1u);
    BOOST_TEST(usable(8, 2.0) == 2u);
    BOOST_TEST(usable(8, 1.5) == 2u);
    BOOST_TEST(usable(8, 2.001) == 3u);
    BOOST_TEST(usable(8, 0.1) == 1u);
    BOOST_TEST(usable(2, 7.5) == 2u);
    BOOST_TEST(usable(0, std::nullopt) == 1u);
    BOOST_TEST((Processors{.online = 8, .allowed = 4, .quota = 1.5}.to_string()) ==
               "8 processors, 4 allowed by the affinity mask, cgroup quota 1.5");
    BOOST_TEST((Processors{.online = 8, .allowed = 8}.to_string()) ==
               "8 processors, 8 allowed by the affinity mask, cgroup quota none");
}

BOOST_AUTO_TEST_CASE(a_quota_of_version_2_is_the_least_of_the_group_and_those_around_it) {
    Files files{{"/proc/self/mountinfo", v2_mount}, {"/proc/self/cgroup", "0::/a/b\n"}};
    BOOST_TEST(!quota(files).has_value());
    files["/sys/fs/cgroup/a/b/cpu.max"] = "max 100000\n";
    BOOST_TEST(!quota(files).has_value());
    files["/sys/fs/cgroup/a/b/cpu.max"] = "250000 100000\n";
    BOOST_TEST(quota(files).value() == 2.5);
    files["/sys/fs/cgroup/a/cpu.max"] = "100000 200000\n";
    BOOST_TEST(quota(files).value() == 0.5);
    files["/sys/fs/cgroup/a/cpu.max"] = "400000 100000\n";
    BOOST_TEST(quota(files).value() == 2.5);
    files["/proc/self/cgroup"] = "0::/a\n";
    BOOST_TEST(quota(files).value() == 4);
}

// A container with a namespace of its own sees "/", or a group that is not below its mount.
BOOST_AUTO_TEST_CASE(in_a_container_the_mounted_group_counts) {
    Files files{{"/proc/self/mountinfo", v2_mount},
                {"/proc/self/cgroup", "0::/\n"},
                {"/sys/fs/cgroup/cpu.max", "150000 100000\n"}};
    BOOST_TEST(quota(files).value() == 1.5);
    files["/proc/self/cgroup"] = "0::/../../system.slice\n";
    BOOST_TEST(quota(files).value() == 1.5);
    files = {{"/proc/self/mountinfo",
              "33 31 0:29 /docker/1f /sys/fs/cgroup/cpu rw master:9 - cgroup cgroup rw,cpu\n"},
             {"/proc/self/cgroup", "4:memory:/docker/1f\n3:cpu,cpuacct:/docker/1f\n"},
             {"/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "50000\n"},
             {"/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"}};
    BOOST_TEST(quota(files).value() == 0.5);
    files["/proc/self/cgroup"] = "3:cpu,cpuacct:/docker/1f/deeper\n";
    BOOST_TEST(quota(files).value() == 0.5);
    files["/proc/self/cgroup"] = "3:cpu,cpuacct:/docker/1ff\n";
    BOOST_TEST(quota(files).value() == 0.5);
}

BOOST_AUTO_TEST_CASE(a_quota_of_version_1_is_that_of_the_controller_cpu) {
    const std::string folder = "/sys/fs/cgroup/cpu,cpuacct/a";
    Files files{{"/proc/self/mountinfo", v1_mount},
                {"/proc/self/cgroup", "5:cpuset:/b\n4:cpu,cpuacct:/a\n0::/c\n"},
                {folder + "/cpu.cfs_quota_us", "-1\n"},
                {folder + "/cpu.cfs_period_us", "100000\n"}};
    BOOST_TEST(!quota(files).has_value());
    files[folder + "/cpu.cfs_quota_us"] = "300000\n";
    BOOST_TEST(quota(files).value() == 3);
    // Both versions at once: the lesser.
    files["/sys/fs/cgroup/unified/c/cpu.max"] = "100000 100000\n";
    BOOST_TEST(quota(files).value() == 1);
}

BOOST_AUTO_TEST_CASE(files_that_say_nothing_are_no_quota) {
    BOOST_TEST(!quota({}).has_value());
    for (const auto* text : {"", "\n", "max", "0 100000\n", "100000 0\n", "-5 100000\n", "x y\n",
                             "100000\n", "100000  100000\n", "9999999999999999999999 1\n"}) {
        BOOST_TEST_CONTEXT(text) {
            BOOST_TEST(!quota({{"/proc/self/mountinfo", v2_mount},
                               {"/proc/self/cgroup", "0::/\n"},
                               {"/sys/fs/cgroup/cpu.max", text}})
                            .has_value());
        }
    }
    for (const auto* text : {"", "x", "0:", "0::", "::::\n", "a:b:c\n"}) {
        BOOST_TEST(
            !quota({{"/proc/self/mountinfo", v2_mount}, {"/proc/self/cgroup", text}}).has_value());
    }
    BOOST_TEST(
        !quota({{"/proc/self/mountinfo", "- - - -\n - cgroup2\n"}, {"/proc/self/cgroup", "0::/\n"}})
             .has_value());
}

BOOST_AUTO_TEST_CASE(the_mask_of_this_thread_is_heeded) {
    cpu_set_t before;
    BOOST_REQUIRE(::sched_getaffinity(0, sizeof before, &before) == 0);
    const auto allowed = static_cast<unsigned>(CPU_COUNT(&before));
    BOOST_TEST(proxy::processors().allowed == allowed);
    BOOST_TEST(proxy::processors().online >= 1u);
    std::size_t first = 0;
    while (!CPU_ISSET(first, &before)) ++first;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    BOOST_REQUIRE(::sched_setaffinity(0, sizeof one, &one) == 0);
    BOOST_TEST(proxy::processors().allowed == 1u);
    ::sched_setaffinity(0, sizeof before, &before);
}

BOOST_AUTO_TEST_SUITE_END()
