#include "tools/loadgen/options.h"

#include <array>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <boost/program_options/options_description.hpp>
#include <boost/program_options/parsers.hpp>
#include <boost/program_options/positional_options.hpp>
#include <boost/program_options/value_semantic.hpp>
#include <boost/program_options/variables_map.hpp>

namespace ringway::loadgen {

namespace {

namespace po = boost::program_options;

constexpr unsigned max_connections = 100'000;
constexpr unsigned max_threads = 64;
constexpr std::size_t max_bytes = 16 << 20;
constexpr double max_seconds = 31 * 86'400.0;
constexpr double max_rate = 1e7;
constexpr std::uint64_t max_operations = 1'000'000'000;
constexpr std::size_t bulk_write_bytes = 128 << 10;
constexpr std::size_t verify_bytes = 1 << 20;

constexpr std::array<std::pair<const char*, RunMode>, 6> run_modes = {
    {{"bulk-up", RunMode::bulk_up},
     {"bulk-down", RunMode::bulk_down},
     {"round-trip", RunMode::round_trip},
     {"connect", RunMode::connect},
     {"idle", RunMode::idle},
     {"verify", RunMode::verify}}};
constexpr std::array<std::pair<const char*, ServeMode>, 6> serve_modes = {
    {{"echo", ServeMode::echo},
     {"sink", ServeMode::sink},
     {"source", ServeMode::source},
     {"answer", ServeMode::answer},
     {"idle", ServeMode::idle},
     {"verify", ServeMode::verify}}};

template <typename Modes>
auto parse_mode(const Modes& modes, std::string_view text) {
    std::string known;
    for (const auto& [name, mode] : modes) {
        if (text == name) return mode;
        known += fmt::format(" {}", name);
    }
    throw UsageError(fmt::format("no mode \"{}\": there are{}", text, known));
}

template <typename Modes, typename Mode>
const char* name_of(const Modes& modes, Mode wanted) {
    for (const auto& [name, mode] : modes) {
        if (mode == wanted) return name;
    }
    return "unknown";
}

template <typename T>
T within(const char* option, T value, T least, T most) {
    if (value >= least && value <= most) return value;
    throw UsageError(
        fmt::format("--{} must be from {} to {}, found {}", option, least, most, value));
}

Duration seconds(const char* option, double value, double least) {
    return std::chrono::duration_cast<Duration>(
        std::chrono::duration<double>(within(option, value, least, max_seconds)));
}

// Program_options reads "-1" into an unsigned as a huge number; `within` refuses it.
po::parsed_options parse(const std::vector<std::string>& arguments,
                         const po::options_description& known) {
    try {
        return po::command_line_parser(arguments)
            .options(known)
            .positional(po::positional_options_description())
            .run();
    } catch (const po::error& error) {
        throw UsageError(error.what());
    }
}

// "proxy=12,13"
ProcessGroup parse_group(const std::string& text) {
    const std::size_t equals = text.find('=');
    ProcessGroup group{.name = text.substr(0, equals), .pids = {}};
    std::istringstream pids(equals == std::string::npos ? "" : text.substr(equals + 1));
    for (std::string pid; std::getline(pids, pid, ',');) {
        const bool digits = !pid.empty() && pid.size() <= 9 &&
                            pid.find_first_not_of("0123456789") == std::string::npos;
        if (!digits) throw UsageError("--cpu-of: no process id: " + pid);
        group.pids.push_back(static_cast<pid_t>(std::stol(pid)));
    }
    if (group.name.empty() || group.pids.empty()) {
        throw UsageError("--cpu-of: expected NAME=PID[,PID...], found " + text);
    }
    return group;
}

std::string read_request(const std::string& file) {
    std::ifstream stream(file, std::ios::binary);
    std::string text((std::istreambuf_iterator<char>(stream)), {});
    if (!stream.good() || text.empty()) throw UsageError("--request-file: cannot read " + file);
    within("request-file", text.size(), std::size_t{1}, max_bytes);
    return text;
}

// The rules between options and modes.
void check(const RunOptions& run) {
    const bool has_operations = run.mode == RunMode::round_trip || run.mode == RunMode::connect ||
                                run.mode == RunMode::verify;
    if (run.rate > 0 && (!has_operations || run.mode == RunMode::verify)) {
        throw UsageError("--rate is only for --mode round-trip and connect");
    }
    if (run.operations > 0 && !has_operations) {
        throw UsageError("--operations is only for --mode round-trip, connect and verify");
    }
    if (run.operations > 0 && run.warmup > Duration::zero()) {
        throw UsageError("--operations counts from the first one: no --warmup");
    }
    if (!run.request_text.empty() && (run.mode != RunMode::connect || run.key_line)) {
        throw UsageError("--request-file is only for --mode connect without --key-line");
    }
    if (run.threads > run.connections) {
        throw UsageError("--threads is more than --connections");
    }
    if (run.mode == RunMode::idle && run.threads > 1) {
        throw UsageError("--mode idle has one thread");
    }
    if (run.mode == RunMode::verify && !run.tls_name.empty()) {
        throw UsageError("--tls is not for --mode verify");
    }
    if (run.tls_resumes && run.tls_name.empty()) throw UsageError("--tls-resume needs --tls");
    if (run.mode == RunMode::verify && run.key_line) {
        throw UsageError("--key-line is not for --mode verify");
    }
    if (run.connect.port() == 0) throw UsageError("--connect: port 0");
}

std::size_t default_bytes(RunMode mode) {
    switch (mode) {
        case RunMode::bulk_up:
        case RunMode::bulk_down:
            return bulk_write_bytes;
        case RunMode::verify:
            return verify_bytes;
        default:
            return 64;
    }
}

// The options as given, before they are checked.
struct RunTexts {
    std::string connect, mode, source, request_file;
    std::vector<std::string> cpu_of;
    std::optional<std::size_t> bytes;
    double window = 5, warmup = 0, timeout = 5;
    bool allow_nonlocal = false;
};

void read(const std::vector<std::string>& arguments, RunOptions& run, RunTexts& texts) {
    po::options_description known;
    std::size_t bytes = 0;
    known.add_options()                                     //
        ("connect", po::value(&texts.connect)->required())  //
        ("mode", po::value(&texts.mode)->required())        //
        ("connections", po::value(&run.connections))        //
        ("threads", po::value(&run.threads))                //
        ("seconds", po::value(&texts.window))               //
        ("warmup", po::value(&texts.warmup))                //
        ("timeout", po::value(&texts.timeout))              //
        ("bytes", po::value(&bytes))                        //
        ("request", po::value(&run.request_bytes))          //
        ("request-file", po::value(&texts.request_file))    //
        ("rate", po::value(&run.rate))                      //
        ("operations", po::value(&run.operations))          //
        ("seed", po::value(&run.seed))                      //
        ("source", po::value(&texts.source))                //
        ("json", po::value(&run.json_file))                 //
        ("cpu-of", po::value(&texts.cpu_of)->composing())   //
        ("key-line", po::bool_switch(&run.key_line))        //
        ("tls", po::value(&run.tls_name))                   //
        ("tls-resume", po::bool_switch(&run.tls_resumes))   //
        ("allow-nonlocal", po::bool_switch(&texts.allow_nonlocal));
    try {
        po::variables_map given;
        po::store(parse(arguments, known), given);
        po::notify(given);
        if (given.count("bytes") > 0) texts.bytes = bytes;
    } catch (const po::error& error) {
        throw UsageError(error.what());
    }
}

}  // namespace

const char* to_string(RunMode mode) {
    return name_of(run_modes, mode);
}

const char* to_string(ServeMode mode) {
    return name_of(serve_modes, mode);
}

RunOptions parse_run(const std::vector<std::string>& arguments) {
    RunOptions run;
    RunTexts texts;
    read(arguments, run, texts);
    run.mode = parse_mode(run_modes, texts.mode);
    run.connect = parse_address(texts.connect);
    require_allowed(run.connect, texts.allow_nonlocal);
    if (!texts.request_file.empty()) run.request_text = read_request(texts.request_file);
    if (!texts.source.empty()) run.sources = parse_sources(texts.source);
    for (const Address& source : run.sources) require_allowed(source, texts.allow_nonlocal);
    within("connections", run.connections, 1u, max_connections);
    within("threads", run.threads, 1u, max_threads);
    within("rate", run.rate, 0.0, max_rate);
    within("operations", run.operations, std::uint64_t{0}, max_operations);
    const bool is_handshake = run.mode == RunMode::connect && !run.tls_name.empty();
    const std::size_t least_bytes = run.mode == RunMode::idle || is_handshake ? 0 : 1;
    run.bytes =
        within("bytes", texts.bytes.value_or(default_bytes(run.mode)), least_bytes, max_bytes);
    within("request", run.request_bytes, std::size_t{0}, max_bytes);
    run.window = seconds("seconds", texts.window, 0.01);
    run.warmup = seconds("warmup", texts.warmup, 0);
    run.timeout = seconds("timeout", texts.timeout, 0.01);
    for (const std::string& group : texts.cpu_of) run.cpu_of.push_back(parse_group(group));
    check(run);
    return run;
}

// Options come in groups here: each --listen begins a service, and what follows
// is about it.
ServeOptions parse_serve(const std::vector<std::string>& arguments) {
    po::options_description known;
    known.add_options()                        //
        ("listen", po::value<std::string>())   //
        ("mode", po::value<std::string>())     //
        ("bytes", po::value<std::size_t>())    //
        ("request", po::value<std::size_t>())  //
        ("threads", po::value<unsigned>())     //
        ("seconds", po::value<double>())       //
        ("key-line", po::bool_switch())        //
        ("allow-nonlocal", po::bool_switch());
    ServeOptions serve;
    bool allow_nonlocal = false;
    const po::parsed_options parsed = parse(arguments, known);
    for (const po::option& option : parsed.options) {
        const std::string& name = option.string_key;
        const std::string text = option.value.empty() ? "" : option.value.front();
        const auto number = [&]<typename T>(T least, T most) {
            std::istringstream stream(text);
            T value{};
            if (!(stream >> value) || !stream.eof()) {
                throw UsageError(fmt::format("--{}: no number: {}", name, text));
            }
            return within(name.c_str(), value, least, most);
        };
        if (name == "threads") {
            serve.threads = number(1u, max_threads);
        } else if (name == "seconds") {
            serve.lifetime = seconds("seconds", number(0.01, max_seconds), 0.01);
        } else if (name == "allow-nonlocal") {
            allow_nonlocal = true;
        } else if (name == "listen") {
            serve.services.push_back({.listen = parse_address(text)});
        } else if (serve.services.empty()) {
            throw UsageError("--" + name + " follows the --listen that it is about");
        } else if (name == "mode") {
            serve.services.back().mode = parse_mode(serve_modes, text);
        } else if (name == "bytes") {
            serve.services.back().bytes = number(std::size_t{0}, max_bytes);
        } else if (name == "request") {
            serve.services.back().request_bytes = number(std::size_t{0}, max_bytes);
        } else {
            serve.services.back().key_line = true;
        }
    }
    if (serve.services.empty()) throw UsageError("serve needs at least one --listen");
    for (const ServiceOptions& service : serve.services) {
        require_allowed(service.listen, allow_nonlocal);
    }
    return serve;
}

}  // namespace ringway::loadgen
