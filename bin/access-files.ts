/** The tokens that a server takes, from its settings and the files that they name. */
import { type AcceptedTokens, AnyToken } from '../api/access/any-token.ts';
import type { Authenticator } from '../api/access/authenticator.ts';
import { adminToken, parseTokenFile, type StaticToken } from '../api/access/static-tokens.ts';
import { parseKeyFile, type WebTokenOptions } from '../api/access/web-tokens.ts';
import type { Env } from '../base/env.ts';
import type { AccessSettings } from './access-settings.ts';
import { OperationFailed } from './exit.ts';
import type { WatchedFiles } from './watched-files.ts';

/**
 * @returns undefined if the server asks for no token
 * @throws OperationFailed that names the file and what is wrong with it
 */
export async function authenticatorOf(
  settings: AccessSettings,
  { env, files }: { readonly env: Env; readonly files: WatchedFiles },
): Promise<Authenticator | undefined> {
  const { token, tokensFile, jwtKeysFile, jwtIssuer, jwtAudience } = settings;
  if (token === undefined && tokensFile === undefined && jwtKeysFile === undefined) return undefined;
  const admin = token === undefined ? [] : [adminToken(token)];
  let listed: readonly StaticToken[] = [];
  let web: WebTokenOptions | undefined;
  const accepted = (): AcceptedTokens => ({ listed: [...admin, ...listed], web });
  const authenticator = new AnyToken(accepted());
  const watch = async (path: string, use: (text: string) => Promise<void>): Promise<void> => {
    try {
      await files.add([path], async ([text = '']) => {
        await use(text);
        authenticator.replace(accepted());
      });
    } catch (error) {
      throw new OperationFailed(`${path} cannot be used: ${(error as Error).message}`);
    }
  };
  if (tokensFile !== undefined) {
    await watch(tokensFile, async (text) => {
      listed = parseTokenFile(text);
    });
  }
  if (jwtKeysFile !== undefined) {
    await watch(jwtKeysFile, async (text) => {
      web = { keys: await parseKeyFile(text), issuer: jwtIssuer, audience: jwtAudience, clock: env.clock };
    });
  }
  return authenticator;
}
