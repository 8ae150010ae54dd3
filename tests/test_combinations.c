#include "tests/test_combinations.h"

#define HMAC NETSESSION_HMAC_SHA256, "HMAC-SHA256"
#define CMAC NETSESSION_AES_CMAC, "AES-CMAC"
#define GMAC NETSESSION_AES_GMAC, "AES-GMAC"
#define ALL_CIPHERS(signing)                                                                   \
    {NETSESSION_SMB_3_1_1, "3.1.1", signing, 0, NULL},                                         \
        {NETSESSION_SMB_3_1_1, "3.1.1", signing, NETSESSION_AES_128_CCM, "AES-128-CCM"},       \
        {NETSESSION_SMB_3_1_1, "3.1.1", signing, NETSESSION_AES_128_GCM, "AES-128-GCM"},       \
        {NETSESSION_SMB_3_1_1, "3.1.1", signing, NETSESSION_AES_256_CCM, "AES-256-CCM"},       \
    {                                                                                          \
        NETSESSION_SMB_3_1_1, "3.1.1", signing, NETSESSION_AES_256_GCM, "AES-256-GCM"          \
    }

const combination combinations[COMBINATIONS] = {
    {NETSESSION_SMB_2_0_2, "2.0.2", HMAC, 0, NULL},
    {NETSESSION_SMB_2_1, "2.1", HMAC, 0, NULL},
    {NETSESSION_SMB_3_0, "3.0", CMAC, 0, NULL},
    {NETSESSION_SMB_3_0, "3.0", CMAC, NETSESSION_AES_128_CCM, "AES-128-CCM"},
    {NETSESSION_SMB_3_0_2, "3.0.2", CMAC, 0, NULL},
    {NETSESSION_SMB_3_0_2, "3.0.2", CMAC, NETSESSION_AES_128_CCM, "AES-128-CCM"},
    ALL_CIPHERS(HMAC),
    ALL_CIPHERS(CMAC),
    ALL_CIPHERS(GMAC),
};

netsession_config *combination_config(const combination *k, unsigned syntax)
{
    netsession_config *cfg = rig_config("admin:secret");

    MUST(!netsession_config_dialects(cfg, k->dialect, k->dialect));
    MUST(!netsession_config_signing(cfg, &k->signing, 1));
    if (k->cipher) {
        MUST(!netsession_config_ciphers(cfg, &k->cipher, 1));
        netsession_config_encrypt(cfg, 1);
    }
    MUST(!netsession_config_syntaxes(cfg, syntax));
    return cfg;
}
