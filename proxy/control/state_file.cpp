#include "proxy/control/state_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <initializer_list>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "conf/yaml.h"
#include "proxy/base/fd.h"
#include "proxy/control/state_text.h"

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

Reason wrong(const std::string& place, std::string_view what) {
    return Reason(fmt::format("{}: {}", place, what));
}

Result<std::string_view> text_in(const json::object& object, std::string_view name,
                                 const std::string& place) {
    const json::value* const value = object.if_contains(name);
    if (value == nullptr || !value->is_string()) {
        return wrong(place, fmt::format("expected a text \"{}\"", name));
    }
    return std::string_view(value->get_string());
}

// Fails for an object with other entries than these, and for what is no object.
Result<void> expect_only(const json::value& value, std::initializer_list<std::string_view> names,
                         const std::string& place) {
    if (!value.is_object()) return wrong(place, "expected an object");
    for (const auto& [name, unused] : value.get_object()) {
        if (std::ranges::find(names, std::string_view(name)) != names.end()) continue;
        return wrong(place, fmt::format("unknown entry \"{}\"", escaped(name)));
    }
    return {};
}

Result<conf::Endpoint> address_in(const json::object& object, const std::string& place) {
    const auto text = text_in(object, "address", place);
    if (!text) return text.error();
    const auto address = conf::Endpoint::parse(*text);
    if (!address) return wrong(place + ".address", "expected an address, as 192.0.2.1:80");
    return *address;
}

Result<std::uint32_t> weight_in(const json::object& object, const std::string& place) {
    const json::value* const weight = object.if_contains("weight");
    if (weight == nullptr || !weight->is_int64() || weight->get_int64() < 0 ||
        weight->get_int64() > ring::Limits::weight) {
        return wrong(place + ".weight", "expected a whole number from 0 to 1000");
    }
    return static_cast<std::uint32_t>(weight->get_int64());
}

Result<ServerOverrides::Registration> parse_registration(const json::value& value,
                                                         const std::string& place) {
    if (auto known = expect_only(value, {"address", "weight"}, place); !known) return known.error();
    const auto address = address_in(value.get_object(), place);
    if (!address) return address.error();
    const auto weight = weight_in(value.get_object(), place);
    if (!weight) return weight.error();
    return ServerOverrides::Registration{*address, *weight};
}

Result<AdminState> by_hand_in(const json::object& entry, const std::string& place) {
    const auto word = text_in(entry, "by_hand", place);
    if (!word) return word.error();
    const auto* const found = std::ranges::find_if(
        by_hand_words, [&](AdminState each) { return health::to_string(each) == *word; });
    if (found == by_hand_words.end()) {
        return wrong(place + ".by_hand", "expected online, offline or drain");
    }
    return *found;
}

// The overrides as they are written, whether they agree or not.
Result<ServerOverrides> parse_entries(const json::object& entry, const std::string& place) {
    ServerOverrides overrides;
    if (const json::value* const registered = entry.if_contains("registered")) {
        auto parsed = parse_registration(*registered, place + ".registered");
        if (!parsed) return parsed.error();
        overrides.registered = std::move(*parsed);
    }
    if (const json::value* const unregistered = entry.if_contains("unregistered")) {
        if (!unregistered->is_bool()) {
            return wrong(place + ".unregistered", "expected true or false");
        }
        overrides.unregistered = unregistered->get_bool();
    }
    if (entry.contains("by_hand")) {
        const auto state = by_hand_in(entry, place);
        if (!state) return state.error();
        overrides.admin_state = *state;
    }
    if (entry.contains("weight")) {
        const auto weight = weight_in(entry, place);
        if (!weight) return weight.error();
        overrides.weight = *weight;
    }
    if (entry.contains("address")) {
        auto address = address_in(entry, place);
        if (!address) return address.error();
        overrides.address = std::move(*address);
    }
    return overrides;
}

Result<void> check_agreement(const ServerOverrides& overrides, const std::string& place) {
    const bool set = overrides.weight || overrides.address;
    const bool there =
        overrides.registered || set || overrides.admin_state != AdminState::automatic;
    if (overrides.is_nothing() || (overrides.unregistered && there)) {
        return wrong(place, "expected either unregistered, or other overrides");
    }
    if (overrides.registered && set) {
        return wrong(place, "a registered server has its weight and address in registered");
    }
    return {};
}

Result<void> parse_server(const json::value& value, const std::string& place, Overrides& all) {
    if (!value.is_object()) return wrong(place, "expected an object");
    const json::object& entry = value.get_object();
    const auto pool = text_in(entry, "pool", place);
    if (!pool) return pool.error();
    const auto id = text_in(entry, "id", place);
    if (!id) return id.error();
    if (pool->empty() || conf::has_control(*pool)) {
        return wrong(place + ".pool", "expected the name of a pool");
    }
    if (id->empty() || id->size() > ring::Limits::id_bytes || conf::has_control(*id)) {
        return wrong(place + ".id", "expected the id of a server");
    }
    const auto known = expect_only(
        value, {"pool", "id", "registered", "unregistered", "by_hand", "weight", "address"}, place);
    if (!known) return known;
    const auto overrides = parse_entries(entry, place);
    if (!overrides) return overrides.error();
    if (auto agree = check_agreement(*overrides, place); !agree) return agree;
    const auto [at, added] = all[std::string(*pool)].try_emplace(std::string(*id), *overrides);
    if (!added) return wrong(place, "given twice");
    return {};
}

// "line:column" of a byte.
std::string place_of(std::string_view text, std::size_t offset) {
    const auto before = text.substr(0, offset);
    const auto line = std::ranges::count(before, '\n') + 1;
    const auto column = before.size() - (before.rfind('\n') + 1) + 1;
    return fmt::format("{}:{}", line, column);
}

Result<json::value> parse_json(std::string_view text) {
    json::stream_parser parser;
    json::error_code error;
    const std::size_t read = parser.write_some(text, error);
    const auto rest = text.substr(std::min(read, text.size()));
    if (!error && rest.find_first_not_of(" \t\r\n") != std::string_view::npos) {
        return wrong(place_of(text, read), "expected the end, found more");
    }
    if (!error) parser.finish(error);
    if (error) return wrong(place_of(text, read), "not valid JSON: " + error.message());
    return parser.release();
}

// With the reason in errno.
Reason system_reason(const std::string& what) {
    return Reason(fmt::format("{}: {}", what, std::generic_category().message(errno)));
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
Result<void> replace(const std::string& path, std::string_view text) {
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
    return {};
}

bool exists(const std::string& path) {
    struct stat ignored {};
    return ::lstat(path.c_str(), &ignored) == 0 || errno != ENOENT;
}

}  // namespace

std::string StateFile::text_of(const Overrides& overrides) {
    decltype(lines_) lines;
    std::string text = state_text_of_lines(overrides, [&](const auto& pool, const auto& id,
                                                          const ServerOverrides& of_server) {
        auto& old = lines_[pool];
        auto known = old.extract(id);
        if (known.empty()) {
            known = old.extract(old.emplace(id, std::pair{ServerOverrides{}, std::string()}).first);
        }
        auto& [before, line] = known.mapped();
        if (line.empty() || before != of_server) {
            before = of_server;
            line = state_line(pool, id, of_server);
        }
        auto& kept = lines[pool];
        return std::string_view(kept.insert(kept.end(), std::move(known))->second.second);
    });
    lines_ = std::move(lines);
    return text;
}

Result<Overrides> parse_state(std::string_view text) {
    const auto value = parse_json(text);
    if (!value) return value.error();
    if (auto known = expect_only(*value, {"version", "servers"}, "the file"); !known) {
        return known.error();
    }
    const json::object& root = value->get_object();
    const json::value* const version = root.if_contains("version");
    if (version == nullptr || *version != 1) return wrong("version", "expected 1");
    const json::value* const servers = root.if_contains("servers");
    if (servers == nullptr || !servers->is_array()) return wrong("servers", "expected a list");
    Overrides all;
    std::size_t index = 0;
    for (const json::value& each : servers->get_array()) {
        const auto parsed = parse_server(each, fmt::format("servers[{}]", index++), all);
        if (!parsed) return parsed.error();
    }
    return all;
}

Result<void, FileLock::Refusal> StateFile::try_lock() {
    if (path_.empty() || lock_) return {};
std::optional<FileLock::Refusal> StateFile::try_lock() {
    if (path_.empty() || lock_) return std::nullopt;
    auto taken = FileLock::take(path_ + ".lock");
    if (!taken) return taken.error();
    lock_ = std::move(*taken);
    return {};
}

Result<void> StateFile::lock() {
    const auto locked = try_lock();
    if (locked || locked.error().kind != FileLock::Refusal::Kind::held) return {};
    return Reason(fmt::format("{} is in use: {}", path_, locked.error().reason));
}

Result<Overrides> StateFile::load() {
    if (path_.empty() || !exists(path_)) return Overrides{};
    auto read = conf::read_file(path_);
    if (!read) return Reason(read.error().to_string(path_));
    auto parsed = parse_state(*read);
    if (!parsed) return wrong(path_, parsed.error().text);
    held_ = std::move(*read);
    return parsed;
}

Result<void> StateFile::keep(const Overrides& overrides) {
    if (path_.empty()) return Reason("no state file is configured (admin: state)");
    problem_.reset();
    std::string text = text_of(overrides);
    if (held_ == text) return {};
    if (auto locked = try_lock(); !locked) return failed(locked.error().reason);
    held_.reset();
    if (text.size() > conf::text_bytes_max) return failed(path_ + ": more than 16 MiB");
    if (auto replaced = replace(path_, text); !replaced) return failed(replaced.error().text);
    held_ = std::move(text);
    written_at_ = std::chrono::system_clock::now();
    return {};
}

Reason StateFile::failed(std::string reason) {
    problem_ = reason;
    return Reason(std::move(reason));
}

}  // namespace ringway::proxy
