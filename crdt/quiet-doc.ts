/** A Yjs document that is silent where nobody listens: Yjs makes a Map and an array for each of the six events of a transaction, heard or not. */
import * as Y from 'yjs';

type Event = Parameters<Y.Doc['emit']>;

export class QuietDoc extends Y.Doc {
  override emit(name: Event[0], args: Event[1]): void {
    if (this._observers.has(name)) super.emit(name, args);
  }
}
