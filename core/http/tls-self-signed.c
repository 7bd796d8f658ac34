/* Makes a certificate for a LAN without a certificate authority: ECDSA P-256, valid for 397 days (the most that
 * browsers take), with every name and address of this host as alternative names. */
#include "http/tls.h"

#include <airclass/error.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define VALID_DAYS 397
#define RENEW_DAYS 30
#define DAY_S (24 * 60 * 60)

G_DEFINE_AUTOPTR_CLEANUP_FUNC (X509, X509_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (EVP_PKEY, EVP_PKEY_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BIO, BIO_free)

static bool
covers (X509 *certificate, const char *const *hosts)
{
  time_t later = time (NULL) + RENEW_DAYS * DAY_S;
  if (X509_cmp_time (X509_get0_notAfter (certificate), &later) <= 0)
    return false;
  for (unsigned i = 0; hosts[i] != NULL; i++)
    {
      bool is_address = g_hostname_is_ip_address (hosts[i]);
      if ((is_address ? X509_check_ip_asc (certificate, hosts[i], 0)
                      : X509_check_host (certificate, hosts[i], 0, 0, NULL))
          != 1)
        return false;
    }
  return true;
}

static bool
is_still_good (const char *certificate_file, const char *key_file, const char *const *hosts)
{
  g_autoptr (BIO) file = BIO_new_file (certificate_file, "r");
  g_autoptr (X509) certificate = file != NULL ? PEM_read_bio_X509 (file, NULL, NULL, NULL) : NULL;
  ERR_clear_error ();
  return certificate != NULL && access (key_file, R_OK) == 0 && covers (certificate, hosts);
}

static char *
list_names (const char *const *hosts)
{
  g_autoptr (GString) names = g_string_new ("DNS:localhost");
  for (unsigned i = 0; hosts[i] != NULL; i++)
    g_string_append_printf (names, ",%s:%s", g_hostname_is_ip_address (hosts[i]) ? "IP" : "DNS", hosts[i]);
  return g_string_free (g_steal_pointer (&names), FALSE);
}

static bool
add_extension (X509 *certificate, int id, const char *value)
{
  X509V3_CTX context;
  X509V3_set_ctx_nodb (&context);
  X509V3_set_ctx (&context, certificate, certificate, NULL, NULL, 0);
  X509_EXTENSION *extension = X509V3_EXT_conf_nid (NULL, &context, id, value);
  bool is_added = extension != NULL && X509_add_ext (certificate, extension, -1) == 1;
  X509_EXTENSION_free (extension);
  return is_added;
}

static X509 *
make_certificate (EVP_PKEY *key, const char *const *hosts)
{
  g_autoptr (X509) certificate = X509_new ();
  g_autofree char *names = list_names (hosts);
  uint64_t serial = 0;
  RAND_bytes ((unsigned char *)&serial, sizeof serial);
  X509_set_version (certificate, X509_VERSION_3);
  ASN1_INTEGER_set_uint64 (X509_get_serialNumber (certificate), serial >> 1);
  /* An hour of grace for phones whose clock is behind. */
  X509_gmtime_adj (X509_getm_notBefore (certificate), -3600);
  X509_gmtime_adj (X509_getm_notAfter (certificate), (long)VALID_DAYS * DAY_S - 3600);
  X509_set_pubkey (certificate, key);
  X509_NAME *subject = X509_get_subject_name (certificate);
  X509_NAME_add_entry_by_txt (subject, "O", MBSTRING_ASC, (const unsigned char *)"AIRClass", -1, -1, 0);
  X509_NAME_add_entry_by_txt (subject, "CN", MBSTRING_ASC, (const unsigned char *)"AIRClass on this network", -1, -1,
                              0);
  X509_set_issuer_name (certificate, subject);
  bool is_good = add_extension (certificate, NID_basic_constraints, "critical,CA:FALSE")
                 && add_extension (certificate, NID_key_usage, "critical,digitalSignature")
                 && add_extension (certificate, NID_ext_key_usage, "serverAuth")
                 && add_extension (certificate, NID_subject_alt_name, names)
                 && X509_sign (certificate, key, EVP_sha256 ()) > 0;
  return is_good ? g_steal_pointer (&certificate) : NULL;
}

/* Written beside and renamed, so that the file is never seen half, and never with other permissions. */
static bool
write_file (const char *path, BIO *memory, mode_t mode, GError **error)
{
  char *data = NULL;
  long size = BIO_get_mem_data (memory, &data);
  return g_file_set_contents_full (path, data, size, G_FILE_SET_CONTENTS_CONSISTENT, (int)mode, error);
}

static bool
write_both (const char *certificate_file, X509 *certificate, const char *key_file, EVP_PKEY *key, GError **error)
{
  g_autoptr (BIO) key_text = BIO_new (BIO_s_mem ());
  g_autoptr (BIO) certificate_text = BIO_new (BIO_s_mem ());
  if (PEM_write_bio_PrivateKey (key_text, key, NULL, NULL, 0, NULL, NULL) != 1
      || PEM_write_bio_X509 (certificate_text, certificate) != 1)
    {
      g_set_error (error, AIR_ERROR, AIR_ERROR_FAILED, "TLS: the certificate cannot be written");
      return false;
    }
  return write_file (key_file, key_text, 0600, error) && write_file (certificate_file, certificate_text, 0644, error);
}

bool
air_tls_make_self_signed (const char *folder, const char *const *hosts, GError **error)
{
  g_autofree char *certificate_file = g_build_filename (folder, "certificate.pem", NULL);
  g_autofree char *key_file = g_build_filename (folder, "key.pem", NULL);
  if (is_still_good (certificate_file, key_file, hosts))
    return true;
  g_autoptr (EVP_PKEY) key = EVP_EC_gen ("P-256");
  g_autoptr (X509) certificate = key != NULL ? make_certificate (key, hosts) : NULL;
  if (certificate == NULL)
    {
      ERR_clear_error ();
      g_set_error (error, AIR_ERROR, AIR_ERROR_FAILED, "TLS: a self-signed certificate cannot be made");
      return false;
    }
  return write_both (certificate_file, certificate, key_file, key, error);
}
