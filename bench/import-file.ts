/** Sends files to the import of a server, streamed. */
import { createReadStream } from 'node:fs';
import { request } from 'node:http';
import type { ServerProcess } from './server-process.ts';

export interface Imported {
  readonly nodes: number;
  readonly edges: number;
}

/** Sends the files one after the other as one import. */
export function importFiles({ port }: ServerProcess, files: readonly string[]): Promise<Imported> {
  return new Promise((resolve, reject) => {
    const sending = request(
      {
        port,
        host: '127.0.0.1',
        method: 'POST',
        path: '/v1/graphs/default/import',
        headers: { 'content-type': 'application/x-ndjson' },
      },
      (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => {
          text += chunk.toString();
        });
        response.on('end', () => {
          if (response.statusCode === 200) resolve(JSON.parse(text) as Imported);
          else reject(new Error(`the import was answered with ${response.statusCode}: ${text}`));
        });
      },
    );
    sending.on('error', reject);
    const sendFrom = (at: number) => {
      const file = files[at];
      if (file === undefined) {
        sending.end();
        return;
      }
      const stream = createReadStream(file, { highWaterMark: 256 * 1024 });
      stream.pipe(sending, { end: false });
      stream.on('end', () => sendFrom(at + 1));
      stream.on('error', reject);
    };
    sendFrom(0);
  });
}
