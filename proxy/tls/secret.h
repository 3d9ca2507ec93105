// Bytes that stay out of core dumps and are wiped when they go: in OpenSSL's secure heap, where
// hold_secrets() has set it up. Immutable. Any thread.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "conf/result.h"

namespace ringway::proxy {

// Sets up the secure heap, which private keys are read into as well (OPENSSL_secure_malloc(3)).
// Once, before the first secret is read, and before there are threads.
void hold_secrets();

class Secret {
public:
    // Copies `bytes`. Throws std::bad_alloc.
    explicit Secret(std::string_view bytes);

    std::string_view bytes() const { return {bytes_.get(), size_}; }

    // The content of a file of at most a megabyte, or why it cannot be read.
    static Result<Secret> read_file(const char* path);

private:
    struct Wipe {
        std::size_t size;
        void operator()(char* bytes) const;
    };
    explicit Secret(std::size_t size);

    std::shared_ptr<char[]> bytes_;
    std::size_t size_;
};

}  // namespace ringway::proxy
