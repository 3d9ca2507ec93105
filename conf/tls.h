// The settings of TLS. Files are named here and read elsewhere, and the lists in OpenSSL's syntax
// are kept as they are: what is wrong with either is reported at their positions. Values.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "conf/types.h"

namespace ringway::conf {

// A file that an entry names, by its absolute path. The position is no part of the value.
struct FilePath {
    std::string path;
    Position position{};  // of the entry
    bool operator==(const FilePath& other) const { return path == other.path; }
};

enum class TlsVersion : std::uint8_t { v1_2, v1_3 };

// A certificate that a listener shows to its clients.
struct TlsCertificate {
    FilePath chain;                // the certificate, and those that lead to its authority
    FilePath key;                  // its private key
    std::optional<FilePath> ocsp;  // an answer of the authority that it is not revoked (stapling)
    bool operator==(const TlsCertificate&) const = default;
};

// The certificates that clients are asked for.
struct TlsClient {
    FilePath ca;  // the authorities that clients' certificates may be of
    std::optional<FilePath> crl;
    bool required = true;  // a client without a certificate is refused
    bool operator==(const TlsClient&) const = default;
};

// How sessions are resumed.
struct TlsTickets {
    std::optional<FilePath> keys;              // absent: keys of the process itself
    Duration rotate = std::chrono::hours{12};  // for how long a key protects new tickets
    bool operator==(const TlsTickets&) const = default;
};

// A listener that terminates TLS.
struct ListenerTls {
    // What a client gets that asks for a name which no certificate has.
    enum class UnknownName : std::uint8_t { first, refuse };
    using Client = TlsClient;
    using Tickets = TlsTickets;

    std::vector<TlsCertificate> certificates;  // at least one
    UnknownName unknown_name = UnknownName::first;
    TlsVersion min_version = TlsVersion::v1_2;
    // In OpenSSL's syntax; empty: the defaults. The positions are no part of the value.
    std::string ciphers;       // of TLS 1.2; empty with a min_version of 1.3
    std::string ciphersuites;  // of TLS 1.3
    std::string groups;        // of the key exchange
    Position ciphers_position{};
    Position ciphersuites_position{};
    Position groups_position{};
    std::vector<std::string> alpn;               // protocols, in the order that the server prefers
    std::optional<Client> client;                // absent: clients are not asked for certificates
    std::optional<Tickets> tickets = Tickets{};  // absent: no session is resumed
    // A stream that ends without close_notify has ended; otherwise it counts as broken off.
    bool allows_truncation = false;

    bool operator==(const ListenerTls& other) const {
        const auto values = [](const ListenerTls& tls) {
            return std::tie(tls.certificates, tls.unknown_name, tls.min_version, tls.ciphers,
                            tls.ciphersuites, tls.groups, tls.alpn, tls.client, tls.tickets,
                            tls.allows_truncation);
        };
        return values(*this) == values(other);
    }
};

// The certificate that servers are shown.
struct TlsClientCertificate {
    FilePath chain;
    FilePath key;
    bool operator==(const TlsClientCertificate&) const = default;
};

// TLS from Ringway to servers: to those of a pool, or in their checks.
struct PoolTls {
    // Whose name a server's certificate must be for, and which is asked for (SNI).
    enum class NameFrom : std::uint8_t {
        // The host of the server's address, or the IP address that is dialled, which is not asked
        // for; any of a unix socket.
        address,
        text,  // `name`
        sni,   // the one that the client asked for; without one, as `address`
        id,    // the server's id
    };

    bool verifies = true;  // false: any certificate will do
    Position verify_position{};
    std::optional<FilePath> ca;  // of the authorities; absent: those that this machine trusts
    std::optional<FilePath> crl;
    NameFrom name_from = NameFrom::address;
    std::string name;
    std::optional<TlsClientCertificate> certificate;
    TlsVersion min_version = TlsVersion::v1_2;
    std::vector<std::string> alpn;   // protocols that are offered
    bool resumes = true;             // sessions of each server
    bool allows_truncation = false;  // as a listener's

    bool operator==(const PoolTls& other) const {
        const auto values = [](const PoolTls& tls) {
            return std::tie(tls.verifies, tls.ca, tls.crl, tls.name_from, tls.name, tls.certificate,
                            tls.min_version, tls.alpn, tls.resumes, tls.allows_truncation);
        };
        return values(*this) == values(other);
    }
};

}  // namespace ringway::conf
