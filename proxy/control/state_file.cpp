#include "proxy/control/state_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "conf/text.h"
#include "conf/yaml.h"
#include "proxy/base/fd.h"
#include "proxy/text/escape.h"
#include "ring/types.h"

namespace ringway::proxy {

namespace {

namespace json = boost::json;

constexpr std::array by_hand_words{AdminState::online, AdminState::offline, AdminState::drain};

json::object describe(const std::string& pool, const std::string& id,
                      const ServerOverrides& overrides) {
    json::object entry{{"pool", pool}, {"id", id}};
    if (overrides.registered) {
        entry["registered"] = {{"address", overrides.registered->address.to_string()},
                               {"weight", overrides.registered->weight}};
    }
    if (overrides.unregistered) entry["unregistered"] = true;
    if (overrides.admin_state != AdminState::automatic)
        entry["by_hand"] = health::to_string(overrides.admin_state);
    if (overrides.weight) entry["weight"] = *overrides.weight;
    if (overrides.address) entry["address"] = overrides.address->to_string();
    return entry;
}

// What is wrong, behind the place of it.
struct Wrong {
    std::string what;
};

const json::object& object_in(const json::value& value, const std::string& place) {
    if (!value.is_object()) throw Wrong{place + ": expected an object"};
    return value.get_object();
}

const std::string_view text_in(const json::object& object, std::string_view name,
                               const std::string& place) {
    const json::value* const value = object.if_contains(name);
    if (value == nullptr || !value->is_string()) {
        throw Wrong{fmt::format("{}: expected a text \"{}\"", place, name)};
    }
    return value->get_string();
}

void expect_only(const json::object& object, std::initializer_list<std::string_view> names,
                 const std::string& place) {
    for (const auto& [name, value] : object) {
        if (std::ranges::find(names, std::string_view(name)) != names.end()) continue;
        throw Wrong{fmt::format("{}: unknown entry \"{}\"", place, escaped(name))};
    }
}

conf::Endpoint address_in(const json::object& object, const std::string& place) {
    const auto address = conf::Endpoint::parse(text_in(object, "address", place));
    if (!address) throw Wrong{place + ".address: expected an address, as 192.0.2.1:80"};
    return *address;
}

std::uint32_t weight_in(const json::object& object, const std::string& place) {
    const json::value* const weight = object.if_contains("weight");
    if (weight == nullptr || !weight->is_int64() || weight->get_int64() < 0 ||
        weight->get_int64() > ring::Limits::weight) {
        throw Wrong{place + ".weight: expected a whole number from 0 to 1000"};
    }
    return static_cast<std::uint32_t>(weight->get_int64());
}

ServerOverrides::Registration parse_registration(const json::value& value,
                                                 const std::string& place) {
    const json::object& object = object_in(value, place);
    expect_only(object, {"address", "weight"}, place);
    return {address_in(object, place), weight_in(object, place)};
}

ServerOverrides parse_said(const json::object& entry, const std::string& place) {
    expect_only(entry, {"pool", "id", "registered", "unregistered", "by_hand", "weight", "address"},
                place);
    ServerOverrides overrides;
    if (const json::value* const registered = entry.if_contains("registered")) {
        overrides.registered = parse_registration(*registered, place + ".registered");
    }
    if (const json::value* const unregistered = entry.if_contains("unregistered")) {
        if (!unregistered->is_bool()) throw Wrong{place + ".unregistered: expected true or false"};
        overrides.unregistered = unregistered->get_bool();
    }
    if (entry.contains("by_hand")) {
        const auto word = text_in(entry, "by_hand", place);
        const auto* const found = std::ranges::find_if(
            by_hand_words, [&](AdminState each) { return health::to_string(each) == word; });
        if (found == by_hand_words.end()) {
            throw Wrong{place + ".by_hand: expected online, offline or drain"};
        }
        overrides.admin_state = *found;
    }
    if (entry.contains("weight")) overrides.weight = weight_in(entry, place);
    if (entry.contains("address")) overrides.address = address_in(entry, place);
    const bool set = overrides.weight || overrides.address;
    const bool there =
        overrides.registered || set || overrides.admin_state != AdminState::automatic;
    if (overrides.is_nothing() || (overrides.unregistered && there)) {
        throw Wrong{place + ": expected either unregistered, or other overrides"};
    }
    if (overrides.registered && set) {
        throw Wrong{place + ": a registered server has its weight and address in registered"};
    }
    return overrides;
}

void parse_server(const json::value& value, const std::string& place, Overrides& all) {
    const json::object& entry = object_in(value, place);
    const auto pool = text_in(entry, "pool", place);
    const auto id = text_in(entry, "id", place);
    if (pool.empty() || conf::has_control(pool))
        throw Wrong{place + ".pool: expected the name of a pool"};
    if (id.empty() || id.size() > ring::Limits::id_bytes || conf::has_control(id)) {
        throw Wrong{place + ".id: expected the id of a server"};
    }
    const ServerOverrides overrides = parse_said(entry, place);
    const auto [at, added] = all[std::string(pool)].try_emplace(std::string(id), overrides);
    if (!added) throw Wrong{fmt::format("{}: given twice", place)};
}

// "line:column" of a byte.
std::string place_of(std::string_view text, std::size_t offset) {
    const auto before = text.substr(0, offset);
    const auto line = std::ranges::count(before, '\n') + 1;
    const auto column = before.size() - (before.rfind('\n') + 1) + 1;
    return fmt::format("{}:{}", line, column);
}

json::value parse_json(std::string_view text) {
    json::stream_parser parser;
    json::error_code error;
    const std::size_t read = parser.write_some(text, error);
    const auto rest = text.substr(std::min(read, text.size()));
    if (!error && rest.find_first_not_of(" \t\r\n") != std::string_view::npos) {
        throw Wrong{place_of(text, read) + ": expected the end, found more"};
    }
    if (!error) parser.finish(error);
    if (error) throw Wrong{place_of(text, read) + ": not valid JSON: " + error.message()};
    return parser.release();
}

std::string system_reason(const std::string& what) {
    return fmt::format("{}: {}", what, std::generic_category().message(errno));
}

bool write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const auto written = ::write(fd, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return false;
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

// After a power cut at any moment the file holds either the old text or the new one.
std::optional<std::string> replace(const std::string& path, std::string_view text) {
    const std::string beside = path + ".new";
    {
        const Fd file(::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
                             S_IRUSR | S_IWUSR));
        if (!file) return system_reason(beside + " cannot be opened");
        if (!write_all(file.get(), text)) return system_reason(beside + " cannot be written");
        if (::fsync(file.get()) != 0) return system_reason(beside + " cannot be synced");
    }
    if (::rename(beside.c_str(), path.c_str()) != 0) {
        return system_reason(fmt::format("{} cannot be renamed to {}", beside, path));
    }
    const auto parent = std::filesystem::path(path).parent_path();
    const std::string folder = parent.empty() ? "." : parent.string();
    const Fd directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory || ::fsync(directory.get()) != 0) {
        return system_reason(folder + " cannot be synced");
    }
    return std::nullopt;
}

// `line_of` gives each server's.
template <class LineOf>
std::string text_with(const Overrides& overrides, LineOf line_of) {
    std::string text = "{\"version\": 1, \"servers\": [";
    std::string_view separator = "\n";
    for (const auto& [pool, servers] : overrides) {
        for (const auto& [id, of_server] : servers) {
            text += std::exchange(separator, ",\n");
            text += line_of(pool, id, of_server);
        }
    }
    return text + "\n]}\n";
}

bool exists(const std::string& path) {
    struct stat ignored {};
    return ::lstat(path.c_str(), &ignored) == 0 || errno != ENOENT;
}

}  // namespace

std::string state_text(const Overrides& overrides) {
    return text_with(overrides,
                     [](const auto& pool, const auto& id, const ServerOverrides& of_server) {
                         return json::serialize(describe(pool, id, of_server));
                     });
}

std::string StateFile::text_of(const Overrides& overrides) {
    decltype(lines_) lines;
    std::string text = text_with(overrides, [&](const auto& pool, const auto& id,
                                                const ServerOverrides& of_server) {
        auto& old = lines_[pool];
        auto known = old.extract(id);
        if (known.empty()) {
            known = old.extract(old.emplace(id, std::pair{ServerOverrides{}, std::string()}).first);
        }
        auto& [before, line] = known.mapped();
        if (line.empty() || before != of_server) {
            before = of_server;
            line = json::serialize(describe(pool, id, of_server));
        }
        auto& kept = lines[pool];
        return std::string_view(kept.insert(kept.end(), std::move(known))->second.second);
    });
    lines_ = std::move(lines);
    return text;
}

std::variant<Overrides, std::string> parse_state(std::string_view text) {
    try {
        const json::value value = parse_json(text);
        const json::object& root = object_in(value, "the file");
        expect_only(root, {"version", "servers"}, "the file");
        const json::value* const version = root.if_contains("version");
        if (version == nullptr || *version != 1) throw Wrong{"version: expected 1"};
        const json::value* const servers = root.if_contains("servers");
        if (servers == nullptr || !servers->is_array()) throw Wrong{"servers: expected a list"};
        Overrides all;
        std::size_t index = 0;
        for (const json::value& each : servers->get_array()) {
            parse_server(each, fmt::format("servers[{}]", index++), all);
        }
        return all;
    } catch (const Wrong& wrong) {
        return wrong.what;
    }
}

std::optional<FileLock::Refusal> StateFile::try_lock() {
    if (path_.empty() || lock_) return std::nullopt;
    auto taken = FileLock::take(path_ + ".lock");
    if (auto* refusal = std::get_if<FileLock::Refusal>(&taken)) return std::move(*refusal);
    lock_ = std::move(std::get<FileLock>(taken));
    return std::nullopt;
}

std::optional<std::string> StateFile::lock() {
    const auto refusal = try_lock();
    if (!refusal || !refusal->is_held) return std::nullopt;
    return fmt::format("{} is in use: {}", path_, refusal->reason);
}

std::variant<Overrides, std::string> StateFile::load() {
    if (path_.empty() || !exists(path_)) return Overrides{};
    const auto read = conf::read_file(path_);
    if (const auto* error = std::get_if<conf::Error>(&read)) return error->to_string(path_);
    auto parsed = parse_state(std::get<std::string>(read));
    if (auto* wrong = std::get_if<std::string>(&parsed)) {
        return fmt::format("{}: {}", path_, *wrong);
    }
    held_ = std::get<std::string>(read);
    return parsed;
}

std::optional<std::string> StateFile::keep(const Overrides& overrides) {
    if (path_.empty()) return "no state file is configured (admin: state)";
    std::string text = text_of(overrides);
    if (held_ == text) return problem_ = std::nullopt;
    if (auto refusal = try_lock()) return problem_ = std::move(refusal->reason);
    held_.reset();
    if (text.size() > conf::text_bytes_max) {
        problem_ = path_ + ": more than 16 MiB";
    } else {
        problem_ = replace(path_, text);
    }
    if (!problem_) {
        held_ = std::move(text);
        written_at_ = std::chrono::system_clock::now();
    }
    return problem_;
}

}  // namespace ringway::proxy
