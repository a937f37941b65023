// Stands for node:child_process in the bundle: packages ask it for a terminal's size (tput, wherever PATH has one) and for commands in
// files of their own. Neither is for a tool that runs as root.
function refuse() {
  throw new Error('bpftop-ts starts no other program');
}
export {refuse as execFileSync, refuse as spawn};
export default {};
