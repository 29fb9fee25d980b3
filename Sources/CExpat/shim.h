#include <expat.h>
#include <string.h>

/* What newer releases deprecate, by what they have instead. */

/* expat 2.8 takes 16 bytes of salt, and a long before. */
static inline void cexpat_set_salt(XML_Parser parser, const unsigned char salt[16]) {
#if XML_MAJOR_VERSION > 2 || (XML_MAJOR_VERSION == 2 && XML_MINOR_VERSION >= 8)
  XML_SetHashSalt16Bytes(parser, salt);
#else
  unsigned long number;
  memcpy(&number, salt, sizeof number);
  XML_SetHashSalt(parser, number);
#endif
}

static inline long long cexpat_byte_index(XML_Parser parser) {
#if XML_MAJOR_VERSION > 2 || (XML_MAJOR_VERSION == 2 && XML_MINOR_VERSION >= 9)
  return XML_GetCurrentByteIndex64(parser);
#else
  return XML_GetCurrentByteIndex(parser);
#endif
}
