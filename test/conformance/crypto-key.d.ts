// A type of the Web Crypto API that src/contract names and that @types/node keeps in a module.
import type { webcrypto } from 'node:crypto';

declare global {
  interface CryptoKey extends webcrypto.CryptoKey {}
}
