#include "proxy/control/processors.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <fstream>
#include <iterator>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "conf/text.h"

namespace ringway::proxy {

namespace {

using conf::split;
using std::string_view;

bool contains(const std::vector<string_view>& words, string_view word) {
    return std::ranges::find(words, word) != words.end();
}

// Nothing for what is no number above 0, as "max" and "-1".
std::optional<double> positive(string_view text) {
    text = text.substr(0, text.find('\n'));
    long long number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || number <= 0) {
        return std::nullopt;
    }
    return static_cast<double>(number);
}

std::optional<double> ratio(std::optional<double> quota, std::optional<double> period) {
    if (!quota || !period) return std::nullopt;
    return *quota / *period;
}

// A hierarchy of control groups: version 2, or that of version 1 with the controller `cpu`.
struct Hierarchy {
    bool is_v2;

    // By a line of /proc/self/cgroup, "7:cpu,cpuacct:/path" or "0::/path".
    bool is_in(const std::vector<string_view>& line) const {
        return is_v2 ? line[0] == "0" && line[1].empty() : contains(split(line[1], ','), "cpu");
    }
    // By the type and the options of a mounted file system.
    bool is_mounted_as(string_view type, string_view options) const {
        return is_v2 ? type == "cgroup2" : type == "cgroup" && contains(split(options, ','), "cpu");
    }
    std::optional<double> quota_of(const std::string& folder, const ReadText& read) const {
        if (!is_v2) {
            return ratio(positive(read(folder + "/cpu.cfs_quota_us").value_or("")),
                         positive(read(folder + "/cpu.cfs_period_us").value_or("")));
        }
        const auto text = read(folder + "/cpu.max").value_or("");
        const auto words = split(string_view(text), ' ');
        if (words.size() != 2) return std::nullopt;
        return ratio(positive(words[0]), positive(words[1]));
    }
};

// The group of this process in it; empty where there is none.
std::string group_in(const Hierarchy& hierarchy, const std::string& cgroup) {
    for (const auto text : split(cgroup, '\n')) {
        const auto line = split(text, ':');
        if (line.size() < 3 || !hierarchy.is_in(line)) continue;
        return std::string(text.substr(line[0].size() + line[1].size() + 2));
    }
    return {};
}

struct Mount {
    std::string root;  // the group that is mounted
    std::string folder;
};

// proc_pid_mountinfo(5): "36 35 98:0 /root /folder options optional... - type source options".
std::optional<Mount> mount_of(const Hierarchy& hierarchy, const std::string& mountinfo) {
    for (const auto text : split(mountinfo, '\n')) {
        const auto words = split(text, ' ');
        const auto dash = std::ranges::find(words, "-");
        if (words.size() < 10 || words.end() - dash < 4) continue;
        if (!hierarchy.is_mounted_as(dash[1], dash[3])) continue;
        return Mount{std::string(words[3]), std::string(words[4])};
    }
    return std::nullopt;
}

std::optional<double> least_quota(const Hierarchy& hierarchy, const std::string& cgroup,
                                  const std::string& mountinfo, const ReadText& read) {
    std::string group = group_in(hierarchy, cgroup);
    const auto mount = mount_of(hierarchy, mountinfo);
    if (group.empty() || !mount) return std::nullopt;
    // Below what is mounted; a group that is not there, as in a container, is its root.
    const std::string root = mount->root == "/" ? "" : mount->root;
    const bool within = group == root || group.starts_with(root + "/");
    group = within ? group.substr(root.size()) : "";
    if (group.ends_with('/')) group.pop_back();
    std::optional<double> least;
    for (;;) {
        const auto quota = hierarchy.quota_of(mount->folder + group, read);
        if (quota) least = std::min(*quota, least.value_or(*quota));
        if (group.empty()) return least;
        group.resize(group.rfind('/'));
    }
}

std::optional<std::string> read_text(const std::string& path) {
    std::ifstream file(path);
    if (!file) return std::nullopt;
    return std::string{std::istreambuf_iterator<char>(file), {}};
}

unsigned allowed_processors(unsigned online) {
    // The mask of the kernel may be wider than that of the machine.
    constexpr std::size_t processors_max = 1 << 16;
    for (std::size_t room = 1024; room <= processors_max; room *= 2) {
        std::vector<cpu_set_t> mask(room / CPU_SETSIZE);
        const std::size_t bytes = mask.size() * sizeof(cpu_set_t);
        if (::sched_getaffinity(0, bytes, mask.data()) == 0) {
            return static_cast<unsigned>(std::max(CPU_COUNT_S(bytes, mask.data()), 1));
        }
        if (errno != EINVAL) break;
    }
    return online;
}

}  // namespace

unsigned Processors::usable() const {
    if (!quota) return std::max(allowed, 1u);
    const double whole = std::clamp(std::ceil(*quota), 1.0, std::max<double>(allowed, 1));
    return static_cast<unsigned>(whole);
}

std::string Processors::to_string() const {
    const auto limit = quota ? fmt::format("{:.3g}", *quota) : std::string("none");
    return fmt::format("{} processors, {} allowed by the affinity mask, cgroup quota {}", online,
                       allowed, limit);
}

Processors processors() {
    const auto online = static_cast<unsigned>(std::max(::sysconf(_SC_NPROCESSORS_ONLN), 1L));
    return {
        .online = online, .allowed = allowed_processors(online), .quota = cgroup_quota(read_text)};
}

std::optional<double> cgroup_quota(const ReadText& read) {
    const auto cgroup = read("/proc/self/cgroup").value_or("");
    const auto mountinfo = read("/proc/self/mountinfo").value_or("");
    const auto v2 = least_quota({.is_v2 = true}, cgroup, mountinfo, read);
    const auto v1 = least_quota({.is_v2 = false}, cgroup, mountinfo, read);
    if (v1 && v2) return std::min(*v1, *v2);
    return v1 ? v1 : v2;
}

}  // namespace ringway::proxy
