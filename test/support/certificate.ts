/**
 * A certificate for test servers of any runtime.
 * @module
 */

/** A self-signed certificate for `localhost`, 127.0.0.1 and ::1, made for these tests and worth nothing elsewhere. */
export const TEST_CERTIFICATE: { readonly cert: string; readonly key: string } = {
  cert: `-----BEGIN CERTIFICATE-----
MIIBrjCCAVSgAwIBAgIUI20GCunvgenob3rihOAaT0Xb1IcwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMjE3MjUwMVoYDzIxMjYxMDI5
MTcyNTAxWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAQH1bMifACTtgmII9YSf819QoLQcZmHXNh3FclGKdLcQFiGH7J9ycXG
0yUMbTQL/1j0hM04vxxvE3CcxhQOt75xo4GBMH8wHQYDVR0OBBYEFIieF4/6mNnR
jWNpf+JY6dLdZ+4zMB8GA1UdIwQYMBaAFIieF4/6mNnRjWNpf+JY6dLdZ+4zMA8G
A1UdEwEB/wQFMAMBAf8wLAYDVR0RBCUwI4IJbG9jYWxob3N0hwR/AAABhxAAAAAA
AAAAAAAAAAAAAAABMAoGCCqGSM49BAMCA0gAMEUCICoajJuoZozhkqZcQgbUs7r8
vXcEf6E7jp6Uf/5hpuk+AiEA2EpnCJBdfozm21gXxmE0TiUJN8jX/ZcpMnslBNDt
cv4=
-----END CERTIFICATE-----`,
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgFxyGtinBXkk5Ftyd
6MZzVNzVpyQ0aoezsY4fgtDhlZmhRANCAAQH1bMifACTtgmII9YSf819QoLQcZmH
XNh3FclGKdLcQFiGH7J9ycXG0yUMbTQL/1j0hM04vxxvE3CcxhQOt75x
-----END PRIVATE KEY-----`,
}
