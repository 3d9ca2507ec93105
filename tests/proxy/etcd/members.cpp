#include "tests/proxy/etcd/members.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <set>

#include <fmt/format.h>

#include "proxy/base/fd.h"

namespace ringway::test {

std::uint16_t free_port() {
    static std::mt19937 random{std::random_device()()};
    static std::set<int> given;
    for (int attempt = 0; attempt < 1000; ++attempt) {
        // Below those that connections get (ip_local_port_range).
        const int port = std::uniform_int_distribution<int>(12'000, 32'000)(random);
        const proxy::Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(static_cast<std::uint16_t>(port));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        const auto* const any = reinterpret_cast<const sockaddr*>(&address);
        if (::bind(fd.get(), any, sizeof address) == 0 && given.insert(port).second) {
            return static_cast<std::uint16_t>(port);
        }
    }
    BOOST_FAIL("no free port");
    return 0;
}

EtcdMember::EtcdMember(std::string name, std::vector<std::string> more, std::string scheme)
    : name_(std::move(name)), more_(std::move(more)), scheme_(std::move(scheme)) {}

EtcdMember::~EtcdMember() {
    kill();
}

std::string EtcdMember::endpoint() const {
    return fmt::format("127.0.0.1:{}", port_);
}

std::string EtcdMember::peer_url() const {
    return fmt::format("http://127.0.0.1:{}", peer_port_);
}

std::string EtcdMember::in_cluster() const {
    return name_ + "=" + peer_url();
}

void EtcdMember::start() {
    BOOST_REQUIRE(pid_ == 0);
    std::vector<std::string> words{
        "etcd",
        "--name=" + name_,
        "--data-dir=" + dir_.path("data"),
        "--listen-client-urls=" + url(),
        "--advertise-client-urls=" + url(),
        "--listen-peer-urls=" + peer_url(),
        "--initial-advertise-peer-urls=" + peer_url(),
        "--initial-cluster=" + (cluster_.empty() ? in_cluster() : cluster_),
        "--heartbeat-interval=50",
        "--election-timeout=500"};
    words.insert(words.end(), more_.begin(), more_.end());
    std::vector<char*> arguments;
    for (std::string& each : words) arguments.push_back(each.data());
    arguments.push_back(nullptr);
    const std::string log = dir_.path("log");
    pid_ = ::fork();
    BOOST_REQUIRE(pid_ >= 0);
    if (pid_ > 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::dup2(out, STDOUT_FILENO);
    ::dup2(out, STDERR_FILENO);
    ::execvp(arguments[0], arguments.data());
    ::_exit(127);
}

void EtcdMember::kill() {
    if (pid_ == 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
}

void EtcdMember::signal(int number) const {
    BOOST_REQUIRE(::kill(pid_, number) == 0);
}

void EtcdMember::forget() const {
    BOOST_REQUIRE(pid_ == 0);
    std::filesystem::remove_all(dir_.path("data"));
}

EtcdCluster::EtcdCluster() {
    std::string cluster;
    for (const char* const name : {"m1", "m2", "m3"}) {
        members_.push_back(std::make_unique<EtcdMember>(name));
        cluster += (cluster.empty() ? "" : ",") + members_.back()->in_cluster();
    }
    for (const auto& each : members_) {
        each->join(cluster);
        each->start();
    }
}

conf::EtcdSettings EtcdCluster::settings() const {
    conf::EtcdSettings settings;
    for (const auto& each : members_) settings.endpoints.push_back(each->endpoint());
    return settings;
}

conf::EtcdSettings settings_of(const EtcdMember& member) {
    return {.endpoints = {member.endpoint()}};
}

std::string etcdctl(const EtcdMember& member, const std::string& words) {
    const std::string command =
        "ETCDCTL_API=3 etcdctl --endpoints=" + member.url() + " " + words + " 2>&1";
    std::FILE* const pipe = ::popen(command.c_str(), "r");
    BOOST_REQUIRE(pipe != nullptr);
    std::string all;
    std::array<char, 4096> piece{};
    while (const std::size_t got = std::fread(piece.data(), 1, piece.size(), pipe)) {
        all.append(piece.data(), got);
    }
    BOOST_REQUIRE_MESSAGE(::pclose(pipe) == 0, command << ": " << all);
    return all;
}

}  // namespace ringway::test
