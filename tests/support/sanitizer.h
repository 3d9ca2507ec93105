// Whether a sanitizer slows this build down, so that random tests do less of it.
#pragma once

namespace ringway::test {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool is_sanitized = true;
#else
inline constexpr bool is_sanitized = false;
#endif

}  // namespace ringway::test
