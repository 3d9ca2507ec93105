// OpenSSL's objects with their owners, and what its error queue says.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

namespace ringway::proxy {

// A function as a deleter.
template <auto Free>
struct OpensslFree {
    template <class T>
    void operator()(T* object) const {
        Free(object);
    }
};

using SslContext = std::shared_ptr<SSL_CTX>;
using Ssl = std::unique_ptr<SSL, OpensslFree<SSL_free>>;
using SslSession = std::unique_ptr<SSL_SESSION, OpensslFree<SSL_SESSION_free>>;
using X509Store = std::shared_ptr<X509_STORE>;
using X509Pointer = std::unique_ptr<X509, OpensslFree<X509_free>>;
using CrlPointer = std::unique_ptr<X509_CRL, OpensslFree<X509_CRL_free>>;
using PrivateKey = std::unique_ptr<EVP_PKEY, OpensslFree<EVP_PKEY_free>>;
using BioPointer = std::unique_ptr<BIO, OpensslFree<BIO_free>>;

// The newest reason in this thread's queue, as words ("no shared cipher"); empties the queue.
std::string take_openssl_error();

}  // namespace ringway::proxy
