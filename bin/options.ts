/** How flags of all commands are declared and read. */
import { InvalidArgumentError, Option } from 'commander';

/** A flag that is also read from `WEFT_...`. */
export function setting(name: string, argument: string, description: string): Option {
  return new Option(`--${name} ${argument}`, description).env(`WEFT_${name.toUpperCase().replaceAll('-', '_')}`);
}

export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max) {
      throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
    }
    return value;
  };
}
