/* A library with NSCQ's names, so that layouts and calls are tested where no switch is. It knows SWITCHES
 * switches; the report is a file, the certificates are text. Layouts: see nscq.rs.
 *
 * -DREPORT=…     the file
 * -DSWITCHES=…   how many switches
 * -DCREATE=…     what creating a session answers
 * -DFAIL=…       the code that the callback of a report gets
 * -DSIZE=…       announces another size of the report
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef int8_t rc;
struct uuid { uint8_t bytes[16]; };
struct label { char data[64]; };
struct report { uint32_t size; uint8_t bytes[0x2000]; };
struct certificate { uint8_t bytes[0x1400]; uint32_t size; };
struct created { rc code; void *session; };

static int session;
static uint8_t nonce[32];

struct created nscq_session_create(uint32_t flags) {
    struct created created = {CREATE, &session};
    if (flags != 1) created.code = -5;
    return created;
}
void nscq_session_destroy(void *which) { (void)which; }
rc nscq_session_set_input(void *which, uint32_t flags, void *input, uint32_t size) {
    if (which != &session || flags != 0 || size != sizeof nonce) return -5;
    memcpy(nonce, input, sizeof nonce);
    return 0;
}
rc nscq_uuid_to_label(const struct uuid *uuid, struct label *label, uint32_t flags) {
    if (flags != 0) return -5;
    snprintf(label->data, sizeof label->data, "SWX-%02X", uuid->bytes[0]);
    return 0;
}

static rc uuids(void (*callback)(void), void *data) {
    void (*tell)(const struct uuid *, rc, const struct uuid *, void *) =
        (void (*)(const struct uuid *, rc, const struct uuid *, void *))callback;
    for (unsigned i = 0; i < SWITCHES; i++) {
        struct uuid uuid = {{(uint8_t)(0xA0 + i)}};
        tell(&uuid, 0, &uuid, data);
    }
    return 0;
}

static rc report(void (*callback)(void), void *data) {
    static struct report report;
    FILE *file = fopen(REPORT, "rb");
    if (!file) return -7;
    report.size = (uint32_t)fread(report.bytes, 1, sizeof report.bytes, file);
    fclose(file);
    memcpy(report.bytes + 4, nonce, sizeof nonce);
#ifdef SIZE
    report.size = SIZE;
#endif
    ((void (*)(const struct uuid *, rc, struct report, void *))callback)(NULL, FAIL, report, data);
    return 0;
}

static rc certificate(void (*callback)(void), void *data) {
    static struct certificate certificate;
    const char *text = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
    certificate.size = (uint32_t)strlen(text);
    memcpy(certificate.bytes, text, certificate.size);
    ((void (*)(const struct uuid *, rc, struct certificate, void *))callback)(NULL, 0, certificate, data);
    return 0;
}

rc nscq_session_path_observe(void *which, const char *path, void (*callback)(void), void *data, uint32_t flags) {
    if (which != &session || flags != 0) return -5;
    if (!strcmp(path, "/drv/nvswitch/{device}/uuid")) return uuids(callback, data);
    unsigned index;
    int rest = 0;
    if (sscanf(path, "/SWX-%X/%n", &index, &rest) != 1 || index - 0xA0 >= SWITCHES) return -3;
    if (!strcmp(path + rest, "config/pcie_mode")) {
        ((void (*)(const struct uuid *, rc, int8_t, void *))callback)(NULL, 0, 3, data);
        return 0;
    }
    if (!strcmp(path + rest, "config/attestation_report")) return report(callback, data);
    if (!strcmp(path + rest, "config/certificate")) return certificate(callback, data);
    return -3;
}
