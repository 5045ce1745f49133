// Certification authorities and certificates made by the test, with the openssl program.
import { execFile } from 'node:child_process';
import fs from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

export class Authority {
  static async make(folder, name) {
    const authority = Object.assign(new Authority(), {
      folder, file: path.join(folder, `${name}.crt`), key: path.join(folder, `${name}.key`),
    });
    await run('openssl', ['req', '-x509', ...NEW_KEY, '-days', '2', '-subj', `/CN=${name}`, '-out', authority.file, '-keyout', authority.key]);
    return authority;
  }

  /**
   * Files and contents of a certificate for these names ("DNS:localhost,IP:127.0.0.1"). days: below 0 it is expired.
   * purpose: what it is for ("clientAuth"); without, for anything.
   */
  async issue(name, { names = 'DNS:localhost,IP:127.0.0.1', days = 2, purpose } = {}) {
    const file = (ending) => path.join(this.folder, `${name}.${ending}`);
    await run('openssl', ['req', ...NEW_KEY, '-subj', `/CN=${name}`, '-out', file('csr'), '-keyout', file('key')]);
    await fs.writeFile(file('ext'), `subjectAltName=${names}\nbasicConstraints=CA:FALSE\n${purpose === undefined ? '' : `extendedKeyUsage=${purpose}\n`}`);
    await run('openssl', [
      'x509', '-req', '-in', file('csr'), '-CA', this.file, '-CAkey', this.key, '-CAcreateserial', '-days', String(days),
      '-extfile', file('ext'), '-out', file('crt'),
    ]);
    await fs.chmod(file('key'), 0o600);
    const [cert, key] = await Promise.all([fs.readFile(file('crt')), fs.readFile(file('key'))]);
    return { files: { cert: file('crt'), key: file('key') }, cert, key };
  }
}
