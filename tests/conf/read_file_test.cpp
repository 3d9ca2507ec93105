// Reading from real paths: only a regular file gives text, and nothing blocks.
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <variant>

#include <boost/test/unit_test.hpp>

#include "conf/config.h"
#include "tests/conf/sample.h"

using namespace ringway::conf;
using namespace ringway::conf::tests;

namespace {

// A directory of its own for each test, removed at the end.
class Folder {
public:
    Folder() {
        std::string name = (std::filesystem::temp_directory_path() / "conf-XXXXXX").string();
        BOOST_REQUIRE(::mkdtemp(name.data()) != nullptr);
        path_ = name;
    }
    ~Folder() { std::filesystem::remove_all(path_); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;

    std::string at(const std::string& name) const { return (path_ / name).string(); }

private:
    std::filesystem::path path_;
};

std::string problem_of(const std::string& path) {
    const auto result = read_file(path);
    return result ? "none" : result.error().to_string("f");
}

}  // namespace

BOOST_AUTO_TEST_SUITE(reading_a_file)

BOOST_AUTO_TEST_CASE(a_file_arrives_byte_by_byte) {
    const Folder folder;
    std::string text(200'000, 'x');
    text[100'000] = '\0';
    std::ofstream(folder.at("a")) << text;
    BOOST_TEST((text_at(folder.at("a")) == text));
    std::ofstream(folder.at("empty")).close();
    BOOST_TEST(text_at(folder.at("empty")).empty());
}

BOOST_AUTO_TEST_CASE(what_is_no_regular_file_is_named) {
    const Folder folder;
    BOOST_TEST(problem_of(folder.at(".")) == "f: expected a regular file, found a directory");
    BOOST_TEST(problem_of("/dev/null") == "f: expected a regular file, found a device");

    // Returns although the FIFO has no writer.
    BOOST_TEST_REQUIRE(::mkfifo(folder.at("fifo").c_str(), 0600) == 0);
    BOOST_TEST(problem_of(folder.at("fifo")) == "f: expected a regular file, found a FIFO");

    const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, folder.at("socket").c_str(), sizeof address.sun_path - 1);
    BOOST_TEST_REQUIRE(
        ::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    BOOST_TEST(problem_of(folder.at("socket")) == "f: expected a regular file, found a socket");
    ::close(descriptor);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_opened_says_why) {
    const Folder folder;
    BOOST_TEST(problem_of(folder.at("none")) == "f: cannot be opened: No such file or directory");
    BOOST_TEST(problem_of("") == "f: cannot be opened: No such file or directory");
    std::filesystem::create_symlink(folder.at("none"), folder.at("link"));
    BOOST_TEST(problem_of(folder.at("link")) == "f: cannot be opened: the link leads nowhere");
    std::filesystem::create_symlink("loop", folder.at("loop"));
    BOOST_TEST(problem_of(folder.at("loop")) ==
               "f: cannot be opened: Too many levels of symbolic links");
    std::ofstream(folder.at("secret")) << "x";
    ::chmod(folder.at("secret").c_str(), 0);
    // Root may read everything.
    BOOST_TEST(problem_of(folder.at("secret")) ==
               (::geteuid() == 0 ? "none" : "f: cannot be opened: Permission denied"));
}

BOOST_AUTO_TEST_CASE(a_file_beyond_16_mib_is_refused) {
    const Folder folder;
    std::ofstream(folder.at("big")) << "x";
    constexpr auto cap = std::uintmax_t{16} << 20;
    std::filesystem::resize_file(folder.at("big"), cap);
    BOOST_TEST(text_at(folder.at("big")).size() == cap);
    std::filesystem::resize_file(folder.at("big"), cap + 1);
    BOOST_TEST(problem_of(folder.at("big")) == "f: the file is larger than 16 MiB");
    std::filesystem::resize_file(folder.at("big"), std::uintmax_t{1} << 40);
    BOOST_TEST(problem_of(folder.at("big")) == "f: the file is larger than 16 MiB");
}

BOOST_AUTO_TEST_SUITE_END()
