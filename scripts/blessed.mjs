// Stands for blessed in the bundle: charts are drawn off screen, where of all of it these two base classes are asked for.
export function Node() {}
export function Box() {}
