/**
 * Thrown by a synchronous read that meets something which is not in memory. Nothing happened; whoever reads makes it
 * resident (how, only the thrower knows) and reads again.
 */
export abstract class NotResident extends Error {}
