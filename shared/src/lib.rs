//! What the kubectl-mlops plugins share, from the ground up.
