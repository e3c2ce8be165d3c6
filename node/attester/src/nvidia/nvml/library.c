/* A library with NVML's names, so that layouts and calls are tested where no GPU is. It answers for one GPU,
 * whose report and certificates are files. Layouts: nvml.h of CUDA 13.5.
 *
 * -DREPORT=… -DCERTS=…   the files
 * -DENVIRONMENT=…        NVML_CC_SYSTEM_ENVIRONMENT_*
 * -DOLD                  without what came after CUDA 12
 * -DREPORT_SIZE=…        announces another size of the report
 */
#include <stdio.h>
#include <string.h>

enum { SUCCESS = 0, INVALID_ARGUMENT = 2, VERSION_MISMATCH = 25, UNKNOWN = 999 };
static int device;

int nvmlInit_v2(void) { return SUCCESS; }
int nvmlShutdown(void) { return SUCCESS; }
int nvmlSystemGetDriverVersion(char *text, unsigned length) { return snprintf(text, length, "595.10.02") < 0; }
int nvmlDeviceGetCount_v2(unsigned *count) { return *count = 1, SUCCESS; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **handle) {
    if (index != 0) return INVALID_ARGUMENT;
    return *handle = &device, SUCCESS;
}
int nvmlDeviceGetName(void *handle, char *text, unsigned length) {
    return handle == &device ? (snprintf(text, length, "NVIDIA H100 80GB HBM3"), SUCCESS) : INVALID_ARGUMENT;
}
int nvmlDeviceGetVbiosVersion(void *handle, char *text, unsigned length) {
    return handle == &device ? (snprintf(text, length, "96.00.9F.00.01"), SUCCESS) : INVALID_ARGUMENT;
}
int nvmlDeviceGetArchitecture(void *handle, unsigned *architecture) {
    return handle == &device ? (*architecture = 9, SUCCESS) : INVALID_ARGUMENT;
}

struct settings { unsigned version, environment, feature, dev_tools, multi_gpu, tdisp; };

static int fill(struct settings *settings, unsigned version) {
    if (settings->version != version) return VERSION_MISMATCH;
    settings->environment = ENVIRONMENT;
    settings->feature = 1;
    settings->dev_tools = 0;
    settings->multi_gpu = 2;
    return SUCCESS;
}
int nvmlSystemGetConfComputeSettings(struct settings *settings) { return fill(settings, 0x01000014); }
int nvmlSystemGetConfComputeGpusReadyState(unsigned *accepting) { return *accepting = 1, SUCCESS; }
#ifndef OLD
int nvmlSystemGetConfComputeSettings_v2(struct settings *settings) {
    int failed = fill(settings, 0x02000018);
    if (!failed) settings->tdisp = 2;
    return failed;
}
struct pdi { unsigned version; unsigned long long value; };
int nvmlDeviceGetPdi(void *handle, struct pdi *pdi) {
    if (handle != &device) return INVALID_ARGUMENT;
    if (pdi->version != 0x01000010) return VERSION_MISMATCH;
    return pdi->value = 0x1122334455667788ULL, SUCCESS;
}
#endif

static unsigned whole_file(const char *path, unsigned char *bytes, size_t limit) {
    FILE *file = fopen(path, "rb");
    if (!file) return 0;
    size_t length = fread(bytes, 1, limit, file);
    fclose(file);
    return (unsigned)length;
}

struct report {
    unsigned has_cec, size, cec_size;
    unsigned char nonce[0x20], report[0x2000], cec[0x1000];
};
int nvmlDeviceGetConfComputeGpuAttestationReport(void *handle, struct report *report) {
    if (handle != &device) return INVALID_ARGUMENT;
    unsigned length = whole_file(REPORT, report->report, sizeof report->report);
#ifdef REPORT_SIZE
    length = REPORT_SIZE;
#endif
    report->size = length;
    return length ? SUCCESS : UNKNOWN;
}

struct certificates {
    unsigned chain_size, attestation_size;
    unsigned char chain[0x1000], attestation[0x1400];
};
int nvmlDeviceGetConfComputeGpuCertificate(void *handle, struct certificates *certificates) {
    if (handle != &device) return INVALID_ARGUMENT;
    certificates->attestation_size =
        whole_file(CERTS, certificates->attestation, sizeof certificates->attestation);
    return certificates->attestation_size ? SUCCESS : UNKNOWN;
}
