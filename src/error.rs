//! One error enum per boundary. Each message says what was expected, what was found and what to do.

/// A kernel could not do its work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KernelError {
    /// The caller gave planes or tensors that do not fit each other.
    #[error("{operation}: expected {expected}, found {found}")]
    Shape {
        /// The kernel.
        operation: &'static str,
        /// What would have fitted.
        expected: String,
        /// What came.
        found: String,
    },
    /// The backend cannot be used on this machine.
    #[error("the {backend} kernels cannot be used: {reason}; use --kernels cpu")]
    Unavailable {
        /// The backend.
        backend: &'static str,
        /// Why not.
        reason: String,
    },
    /// The device failed while working.
    #[error("the {backend} kernels failed: {reason}; use --kernels cpu")]
    Device {
        /// The backend.
        backend: &'static str,
        /// What the device said.
        reason: String,
    },
}

/// A file, stream, decoder or encoder could not do its work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MediaError {
    /// The input cannot be read as video.
    #[error("{input}: {problem}; {remedy}")]
    Input {
        /// The input as the user named it.
        input: String,
        /// What is wrong with it.
        problem: String,
        /// What to do.
        remedy: String,
    },
    /// The output cannot be written.
    #[error("{output}: {problem}; {remedy}")]
    Output {
        /// The output as the user named it.
        output: String,
        /// What is wrong with it.
        problem: String,
        /// What to do.
        remedy: String,
    },
    /// The output container cannot hold a stream of the input.
    #[error("{problem}; {remedy}")]
    Unsupported {
        /// The stream, its codec and the container.
        problem: String,
        /// What to do.
        remedy: String,
    },
    /// An option has a value that cannot be used.
    #[error("{option}: {problem}; {remedy}")]
    Option {
        /// The option.
        option: String,
        /// What is wrong with its value.
        problem: String,
        /// The legal values.
        remedy: String,
    },
    /// The reader of our output closed it: a clean end.
    #[error("the reader of the output closed it")]
    ClosedPipe,
    /// Reading was interrupted by the caller.
    #[error("interrupted")]
    Interrupted,
}

/// A model or the ONNX Runtime could not do its work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The ONNX Runtime library was not found or is not usable.
    #[error("ONNX Runtime: {problem}; {remedy}")]
    Runtime {
        /// What is wrong.
        problem: String,
        /// What to do.
        remedy: String,
    },
    /// A model cannot be found, read or used.
    #[error("model {model}: {problem}; {remedy}")]
    Model {
        /// Name or path.
        model: String,
        /// What is wrong.
        problem: String,
        /// What to do.
        remedy: String,
    },
    /// The device that was asked for cannot run a network.
    #[error("--device {device}: {problem}; {remedy}")]
    Device {
        /// As it was asked for.
        device: String,
        /// What is wrong.
        problem: String,
        /// What to do.
        remedy: String,
    },
    /// A model cannot be fetched.
    #[error("model {model}: {origin} cannot be fetched: {problem}; {remedy}")]
    Fetch {
        /// Name.
        model: String,
        /// The package.
        origin: String,
        /// What is wrong.
        problem: String,
        /// What to do.
        remedy: String,
    },
    /// A folder for models or packages cannot be used.
    #[error("{}: {problem}; {remedy}", folder.display())]
    Folder {
        /// The folder.
        folder: std::path::PathBuf,
        /// What is wrong.
        problem: String,
        /// What to do.
        remedy: String,
    },
}

impl ModelError {
    /// The exit code that the command line gives for this error: 4 for a folder that cannot be written, 7 for a model
    /// that cannot be fetched, else 5.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Runtime { .. } | Self::Model { .. } | Self::Device { .. } => 5,
            Self::Folder { .. } => 4,
            Self::Fetch { .. } => 7,
        }
    }
}

/// A setting is out of its legal range.
#[derive(Debug, thiserror::Error)]
#[error("{setting}: expected {expected}, found {found}")]
pub struct ConfigError {
    /// The setting as the user names it.
    pub setting: String,
    /// The legal values.
    pub expected: String,
    /// What was given.
    pub found: String,
}

/// The time stamps of a stream cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TimeError {
    /// A frame is not later than the one before.
    #[error(
        "time stamps: expected more than {previous}, found {found}; remux the input, give its frame rate, or leave the frame out"
    )]
    NotIncreasing {
        /// Of the frame before.
        previous: i64,
        /// Of this frame.
        found: i64,
    },
}

/// What ends a run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Input or output failed.
    #[error(transparent)]
    Media(#[from] MediaError),
    /// A model failed.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A kernel failed.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// Time stamps are wrong.
    #[error(transparent)]
    Time(#[from] TimeError),
    /// A worker thread panicked.
    #[error("the {stage} stage panicked: {message}; this is a defect of framecast")]
    Panic {
        /// The stage's thread.
        stage: String,
        /// The panic's message.
        message: String,
    },
    /// A worker thread could not be started.
    #[error("cannot start the {stage} stage: {reason}")]
    Thread {
        /// The stage's thread.
        stage: String,
        /// What the system said.
        reason: String,
    },
}

impl Error {
    /// The exit code that the command line gives for this error.
    ///
    /// 1 internal or kernel, 2 usage, 3 input, 4 output, 5 model or runtime, 6 stream that the container cannot hold,
    /// 7 model that cannot be fetched.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Panic { .. } | Self::Thread { .. } | Self::Kernel(_) => 1,
            Self::Config(_) | Self::Media(MediaError::Option { .. }) => 2,
            Self::Media(MediaError::Input { .. }) | Self::Time(_) => 3,
            Self::Media(MediaError::Output { .. }) => 4,
            Self::Model(error) => error.exit_code(),
            Self::Media(MediaError::Unsupported { .. }) => 6,
            Self::Media(MediaError::ClosedPipe) => 0,
            Self::Media(MediaError::Interrupted) => 130,
        }
    }
}
